/** Texts that some key or other takes, and some that lie just beside those. */
export const WORDS: readonly string[] = [
  ...split(`10.88.0.0/16 10.88.0.9 10.88.0.1 10.4.0.0/29 10.4.0.7 0.0.0.0/0 0.0.0.0 255.255.255.255 224.0.0.1
    fd00:10:89::/64 fd00:10:89::5 ::/0 :: ::1 fe80::1 ff02::1 ::ffff:10.88.0.3 10.88.0.3/32 fd00::/127
    127.0.0.1 169.254.0.0/16 10.88.0.256 010.88.0.1 10.88.0.1/33 fe80::1%eth0 10.0.0.0/31 2001:db8::/32`),
  ...split(`0a:58:0a:01:00:02 00:00:00:00:00:00 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01 0a:58:0a:01:00:02:00:03
    0a-58-0a-01-00-02`),
  ...split(`iptables nftables firewalld ipset auto same-bridge isolated open strict tcp udp sctp TCP icmp 0777
    cni0 cni-podman0 lo eth0 eth1 br0 veth0 a23456789012345 a234567890123456 eth%d all default . .. true false null 1`),
  ...split(`net.ipv4.conf.eth0.arp_filter net/ipv4/conf/IFNAME/arp_notify net.core.somaxconn kernel.hostname
    net.ipv4.ip_forward net.ipv6.conf.all.forwarding net..x ../../../etc/x`),
  ...split("0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0 1.2.0 1.0 9.9.9 -1.0.0"),
  ...split(`/var/lib/cni/other /run/x/y relative/path /proc/self/fd /dev/null /etc/resolv.conf /nonexistent
    ../../up / -A --help $(id) %s%n ' " \\ ;--`),
  ...["", " ", "\t\r\n", "\u0000", "a\u0000b", "\ud800", "\u202e", "ü".repeat(20), "\u{1f600}", "a".repeat(300)],
];

/** Numbers at which something begins or ends. */
export const NUMBERS: readonly number[] = [
  ...[0, 1, -1, 2, 67, 68, 80, 1279, 1280, 1500, 4094, 4095, 9000, 65_535, 65_536],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1.5, 1e30],
];

function split(text: string): readonly string[] {
  return text.split(/\s+/);
}
