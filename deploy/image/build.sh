#!/bin/sh
# Makes a container image from scratch that has one file: the executable, as /cnictl. The same executable and date give the same image.
# usage: deploy/image/build.sh EXECUTABLE IMAGE [ARCHITECTURE]
# EXECUTABLE is the cnictl of an unpacked release, or dist/bin/cnictl. Needs buildah, and no root with its --storage-driver=vfs.
# SOURCE_DATE_EPOCH is the image's date, 0 unless set.
set -eu
executable=$1 image=$2 arch=${3:-$(uname -m)}
case $arch in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac

container=$(buildah from --arch "$arch" scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
buildah copy --quiet --chmod 0755 --chown 0:0 "$container" "$executable" /cnictl >/dev/null
buildah config --arch "$arch" --os linux --entrypoint '["/cnictl"]' --cmd '' \
  --label org.opencontainers.image.title=cni-plugins-ts \
  --label org.opencontainers.image.licenses=Apache-2.0 "$container"
buildah commit --quiet --timestamp "${SOURCE_DATE_EPOCH:-0}" "$container" "$image"
