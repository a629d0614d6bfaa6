#!/bin/sh
# What a machine with podman, buildah and Debian's plugins does with the release's packages: it installs one beside Debian's, then the other
# in their place, and goes back.
# usage: packages.sh FOLDER
set -ex
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends podman buildah containernetworking-plugins
architecture=$(dpkg --print-architecture)

# Succeeds if these packages are installed.
has() {
  for package; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package")" = installed ] || return 1
  done
}

# Succeeds if all files of the packages are as they were packed.
whole() {
  [ -z "$(dpkg --verify "$@")" ]
}

apt-get install -y "$1"/cni-plugins-ts_*_"$architecture".deb
has podman buildah containernetworking-plugins cni-plugins-ts
whole containernetworking-plugins cni-plugins-ts
cnictl version | grep '^bridge .* (this image) .* /usr/libexec/cni-plugins-ts/bridge$'

apt-get install -y "$1"/cni-plugins-ts_*_"$architecture".deb "$1"/cni-plugins-ts-default_*_all.deb
has podman buildah cni-plugins-ts cni-plugins-ts-default
if has containernetworking-plugins; then exit 1; fi
whole cni-plugins-ts cni-plugins-ts-default
[ "$(readlink -f /usr/lib/cni/bridge)" = /usr/libexec/cni-plugins-ts/cnictl ]
for started in $(sed -n 's/^Exec[A-Za-z]*=\(\S*\).*/\1/p' /usr/lib/systemd/system/cni*.service); do
  [ -x "$started" ]
done
grep -l /usr/libexec/cni-plugins-ts/dhcp /usr/lib/systemd/system/cni-dhcp.service

apt-get install -y containernetworking-plugins
has podman buildah containernetworking-plugins cni-plugins-ts
if has cni-plugins-ts-default; then exit 1; fi
whole containernetworking-plugins cni-plugins-ts
