#!/bin/sh
# What a new node does with the release's archive alone, without Node.js, iproute2, nftables and iptables: it installs the plugins, and
# runs podman's and containerd's lists, with a published port. In a network namespace of its own.
# usage: archive.sh ARCHIVE
set -ex
rm -f "$(command -v node)"
for tool in node ip nft iptables; do
  if command -v $tool; then exit 1; fi
done
mkdir cni
tar -xzf "$1" -C cni
cni/cnictl install
mkdir -p /etc/cni/net.d /run/netns
cp cni/conf/podman/87-podman-bridge.conflist cni/conf/containerd/10-containerd-net.conflist /etc/cni/net.d
export PATH="/opt/cni/bin:$PATH"
# Both lists have one subnet: each gets a host of its own.
for network in podman containerd-net; do
  unshare --net bash -ex -s $network <<'IN_A_NETWORK_NAMESPACE'
network=$1
answer='use IO::Socket::INET; my $socket = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die;
  while (my $client = $socket->accept) { print $client "hello\n"; close $client }'
for name in one two; do
  : >/run/netns/$name
  unshare --net=/run/netns/$name true
done
CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' cnictl add $network one | tee /tmp/result
cnictl add $network two
nsenter --net=/run/netns/one perl -e "$answer" </dev/null &
address=$(grep -o '10\.88\.[0-9.]*' /tmp/result | head -n 1)
for endpoint in "$address/80" 10.88.0.1/8080; do
  heard=
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    heard=$(nsenter --net=/run/netns/two timeout 5 bash -c "cat </dev/tcp/$endpoint" </dev/null || true)
    [ "$heard" = hello ] && break
    sleep 1
  done
  [ "$heard" = hello ]
done
kill $!
cnictl ps
for name in one two; do
  cnictl check $network $name
  cnictl del $network $name
  umount /run/netns/$name
  rm /run/netns/$name
done
cnictl status $network
[ -z "$(find /var/lib/cni/networks/$network -name '10.*')" ]
IN_A_NETWORK_NAMESPACE
done
