/**
 * Every test of the Go plugins' suites for these plugins (release 1.9.1), by a name of ours: a letter for the file and a number
 * in its order, with a further one for each entry of a table. Its twin here has the name in its title.
 */
export const ROWS: Readonly<Record<string, readonly string[]>> = {
  "plugins/main/bridge/bridge_test.go": [
    ...numbered("B", 1, 15),
    ...numbered("B16.", 0, 4),
    ...numbered("B", 17, 21),
    ...numbered("B22.", 0, 3),
    ...numbered("B23.", 0, 3),
    ...numbered("B24.", 0, 2),
    "B25",
    ...numbered("B26.", 0, 2),
    "B27",
    ...numbered("B28.", 0, 1),
    ...numbered("B", 29, 33),
    ...numbered("B34.", 0, 2),
    "B35",
    ...numbered("B", 35, 40),
  ],
  "plugins/ipam/host-local/host_local_test.go": numbered("H", 1, 11),
  "plugins/ipam/host-local/dns_test.go": numbered("D", 1, 3),
  "plugins/ipam/host-local/backend/allocator/allocator_test.go": numbered("A", 1, 13),
  "plugins/ipam/host-local/backend/allocator/config_test.go": numbered("C", 1, 13),
  "plugins/ipam/host-local/backend/allocator/range_test.go": numbered("R", 1, 13),
  "plugins/ipam/host-local/backend/allocator/range_set_test.go": numbered("S", 1, 3),
  "plugins/ipam/host-local/backend/disk/lock_test.go": numbered("L", 1, 2),
  "plugins/main/dummy/dummy_test.go": numbered("U", 1, 4),
  "plugins/main/ipvlan/ipvlan_test.go": numbered("X", 1, 5),
  "plugins/main/vlan/vlan_test.go": numbered("V", 1, 5),
  "plugins/main/macvlan/macvlan_test.go": numbered("M", 1, 8),
  "plugins/main/tap/tap_test.go": numbered("K", 1, 2),
  "plugins/ipam/static/static_test.go": numbered("T", 1, 13),
  "plugins/main/host-device/host-device_test.go": numbered("N", 1, 11),
  "plugins/ipam/dhcp/dhcp_test.go": numbered("Y", 1, 3),
  "plugins/ipam/dhcp/dhcp2_test.go": ["Y4"],
  "plugins/ipam/dhcp/options_test.go": numbered("Y", 5, 6),
  "plugins/meta/firewall/firewall_iptables_test.go": numbered("I", 1, 4),
  "plugins/meta/firewall/firewall_firewalld_test.go": numbered("F", 1, 4),
  "plugins/meta/firewall/firewall_integ_test.go": numbered("G", 1, 4),
  "plugins/main/ptp/ptp_test.go": numbered("P", 1, 8),
  "plugins/meta/sbr/sbr_linux_test.go": numbered("Q", 1, 5),
  "plugins/meta/vrf/vrf_test.go": [
    ...numbered("W", 1, 5),
    ...numbered("W6.", 0, 5),
    ...numbered("W7.", 0, 2),
    ...numbered("W", 8, 9),
    ...numbered("W10.", 0, 3),
  ],
};

function numbered(prefix: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => `${prefix}${first + offset}`);
}
