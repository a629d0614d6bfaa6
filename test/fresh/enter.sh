#!/bin/sh
# Runs a command in a copy of a root, which nothing of it outlives. In mount and process namespaces of its own: see main.ts
# usage: enter.sh ROOT SCRATCH CACHE COMMAND...
set -e
root=$1 scratch=$2 cache=$3
shift 3
mount --make-rprivate /
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root" "$cache/npm" "$cache/pip" "$cache/archives"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p root/.npm root/.cache/pip old
mount --bind "$cache/npm" root/.npm
mount --bind "$cache/pip" root/.cache/pip
mount --bind "$cache/archives" var/cache/apt/archives
# A chroot would not do: nobody can make user namespaces in one.
pivot_root . old
umount --lazy /old
exec "$@"
