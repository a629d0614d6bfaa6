// Writes every NAME.hex: what `ip` and the kernel say to each other over netlink, in two namespaces of its own.
// Needs root, iproute2 and strace: node capture.mjs [vlans|traffic|macvlans|children|vrfs|policy|moves|names|hardware [FOLDER]]. One line a message: its type, and all its bytes in hex.
// The commands about VLANs, children and VRFs need a kernel that has them: node test/vm/run.mjs --exec "node $PWD/capture.mjs vlans /vm"
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const host = `capture${process.pid}h`;
const container = `capture${process.pid}c`;

/** Name of the file (null: not kept), namespace, command. They build on one another. */
const COMMANDS = [
  ["add-bridge", host, "ip link add name br0 address 02:00:00:00:00:01 mtu 1400 type bridge"],
  ["add-bridge-again", host, "ip link add name br0 address 02:00:00:00:00:01 mtu 1400 type bridge"],
  ["add-bridge-with-vlans", host, "ip link add name br1 type bridge vlan_filtering 1"],
  ["add-nonsense", host, "ip link add name br2 type nonsense"],
  [
    "add-veth",
    host,
    `ip link add name veth0 address 02:00:00:00:00:02 mtu 1400 txqueuelen 1000 master br0 type veth peer name eth0 address 02:00:00:00:00:03 mtu 1400 netns ${container}`,
  ],
  ["set-up", host, "ip link set dev br0 up"],
  [null, host, "ip link set dev veth0 up"],
  [null, container, "ip link set dev eth0 up"],
  ["set-alias", host, "ip link set dev veth0 alias container-1"],
  ["set-promiscuous", host, "ip link set dev br0 promisc on"],
  [
    "set-tuned",
    container,
    "ip link set dev eth0 address 02:00:00:00:00:0a mtu 1300 txqueuelen 500 promisc on allmulticast on",
  ],
  ["get-tuned", container, "ip -details link show dev eth0"],
  [
    null,
    container,
    "ip link set dev eth0 address 02:00:00:00:00:03 mtu 1400 txqueuelen 1000 promisc off allmulticast off",
  ],
  ["set-port-groups", host, "ip link set dev veth0 type bridge_slave group_fwd_mask 0xfffd"],
  ["set-bridge-bits", host, "ip link set dev br0 type bridge no_linklocal_learn 1"],
  ["set-port", host, "bridge link set dev veth0 hairpin on isolated on"],
  ["get-bridge", host, "ip -details link show dev br0"],
  ["get-port", host, "ip -details link show dev veth0"],
  ["get-peer", container, "ip -details link show dev eth0"],
  ["get-missing", host, "ip link show dev missing"],
  ["list-ports", host, "ip link show master br0"],
  ["add-address", container, "ip address add 10.1.0.2/24 broadcast 10.1.0.255 dev eth0"],
  ["add-address-again", container, "ip address add 10.1.0.2/24 broadcast 10.1.0.255 dev eth0"],
  ["add-address6", container, "ip address add fd00::2/64 dev eth0"],
  ["add-address6-nodad", container, "ip address add fd00::3/64 dev eth0 nodad noprefixroute"],
  ["list-addresses", container, "ip address show dev eth0"],
  [null, container, "sleep 3"],
  ["list-addresses-settled", container, "ip address show dev eth0"],
  [
    "replace-address",
    container,
    "ip address replace 10.1.0.2/24 broadcast 10.1.0.255 dev eth0 valid_lft 100 preferred_lft 100",
  ],
  ["add-route", container, "ip route append default via 10.1.0.1 dev eth0 proto boot metric 5 mtu 1300 advmss 1200"],
  ["add-route-link", container, "ip route add 10.8.0.0/16 dev eth0 scope link"],
  ["add-route-table", container, "ip route add 10.9.0.0/16 via 10.2.0.1 dev eth0 onlink table 1000"],
  ["add-route-unreachable", container, "ip route add 10.7.0.0/16 via 10.2.0.1 dev eth0"],
  ["add-route6", container, "ip route add fd01::/64 via fd00::a dev eth0"],
  [null, container, "ip route append fd01::/64 via fd00::b dev eth0"],
  ["list-routes", container, "ip route show"],
  ["list-routes-table", container, "ip route show table 1000"],
  ["list-routes6", container, "ip -6 route show"],
  ["get-route", container, "ip route get 8.8.8.8"],
  ["get-route-whole", container, "ip route get fibmatch 192.0.2.1"],
  ["get-route6-none", container, "ip -6 route get fibmatch ::"],
  [
    "delete-route",
    container,
    "ip route delete unicast 10.9.0.0/16 via 10.2.0.1 dev eth0 onlink table 1000 proto boot scope global",
  ],
  ["delete-address", container, "ip address delete 10.1.0.2/24 dev eth0"],
  ["delete-link", host, "ip link delete dev veth0"],
];

/** The same about VLANs. */
const VLAN_COMMANDS = [
  [null, host, "ip link add name br0 type bridge vlan_filtering 1"],
  [null, host, `ip link add name veth0 master br0 type veth peer name eth0 netns ${container}`],
  ["get-bridge-with-vlans", host, "ip -details link show dev br0"],
  ["add-vlan", host, "bridge vlan add dev veth0 vid 100 pvid untagged master"],
  ["add-vlan-range", host, "bridge vlan add dev veth0 vid 200-210 master"],
  ["delete-vlan", host, "bridge vlan del dev veth0 vid 1 master"],
  ["delete-vlan-range", host, "bridge vlan del dev veth0 vid 205-207 master"],
  ["delete-vlan-missing", host, "bridge vlan del dev veth0 vid 7 master"],
  ["list-vlans", host, "bridge -details vlan show dev veth0"],
  [null, host, "ip link set dev veth0 nomaster"],
  ["add-vlan-no-port", host, "bridge vlan add dev veth0 vid 100 master"],
];

/** The same about queueing disciplines and filters. */
const TRAFFIC_COMMANDS = [
  [null, host, `ip link add name veth0 type veth peer name eth0 netns ${container}`],
  ["add-ifb", host, "ip link add name ifb0 address 02:00:00:00:00:0a mtu 1400 type ifb"],
  ["add-tbf", host, "tc qdisc add dev veth0 root handle 1: tbf rate 20mbit burst 25000 limit 87500"],
  ["add-tbf-again", host, "tc qdisc add dev veth0 root handle 1: tbf rate 20mbit burst 25000 limit 87500"],
  ["add-tbf-fast", host, "tc qdisc add dev ifb0 root handle 1: tbf rate 100gbit burst 125000000 limit 437500000"],
  ["add-ingress", host, "tc qdisc add dev veth0 ingress"],
  [
    "add-redirect",
    host,
    "tc filter add dev veth0 parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ifb0",
  ],
  ["list-qdiscs", host, "tc qdisc show"],
  ["list-filters", host, "tc filter show dev veth0 parent ffff:"],
  ["delete-tbf", host, "tc qdisc delete dev veth0 root handle 1:"],
  ["delete-ingress", host, "tc qdisc delete dev veth0 ingress"],
];

/** The same about macvlans. */
const MACVLAN_COMMANDS = [
  [null, host, "ip link add name up0 address 02:00:00:00:00:01 mtu 1400 type ifb"],
  [
    "add-macvlan",
    host,
    `ip link add link up0 name eth0 address 02:00:00:00:00:02 mtu 1300 netns ${container} type macvlan mode private bcqueuelen 50`,
  ],
  ["get-macvlan", container, "ip -details link show dev eth0"],
];

/** The same about other links on a parent, and dummies. */
const CHILD_COMMANDS = [
  [null, host, "ip link add name up0 address 02:00:00:00:00:01 mtu 1400 type dummy"],
  ["add-vlan-link", host, `ip link add link up0 name eth0 netns ${container} type vlan id 100`],
  ["add-vlan-link-again", host, `ip link add link up0 name eth1 netns ${container} type vlan id 100`],
  ["get-vlan-link", container, "ip -details link show dev eth0"],
  ["add-ipvlan", host, `ip link add link up0 name eth2 netns ${container} type ipvlan mode l3 vepa`],
  ["get-ipvlan", container, "ip -details link show dev eth2"],
  ["add-dummy", container, "ip link add name eth3 type dummy"],
  ["get-dummy", container, "ip -details link show dev eth3"],
];

/** The same about a VRF, and about routes through a link in several tables. */
const VRF_COMMANDS = [
  ["add-vrf", host, "ip link add name red type vrf table 1000"],
  ["get-vrf", host, "ip -details link show dev red"],
  [null, host, "ip link add name net1 up type dummy"],
  [null, host, "ip link add name net2 up type dummy"],
  [null, host, "ip address add 10.1.0.2/24 dev net1"],
  [null, host, "ip address add 10.2.0.2/24 dev net2"],
  [null, host, "ip route add 10.3.0.0/16 nexthop via 10.1.0.1 weight 2 nexthop via 10.1.0.9"],
  [null, host, "ip route add 10.4.0.0/16 nexthop via 10.1.0.1 nexthop via 10.2.0.1"],
  [null, host, "ip route add 10.5.0.0/16 via 10.1.0.1 table 1000 metric 7 mtu 1300"],
  ["list-routes-through", host, "ip route show table all dev net1"],
];

/** The same about policy rules. */
const POLICY_COMMANDS = [
  ["add-rule", host, "ip rule add from 10.1.0.2/32 lookup 100 priority 20000 protocol 67"],
  ["add-rule-again", host, "ip rule add from 10.1.0.2/32 lookup 100 priority 20000 protocol 67"],
  ["add-rule6", host, "ip -6 rule add from fd00::2/128 lookup 5000 priority 20001 protocol 67"],
  [null, host, "ip rule add from 10.1.0.0/16 iif lo fwmark 7 lookup 101"],
  ["list-rules", host, "ip rule show"],
  ["list-rules6", host, "ip -6 rule show"],
  ["delete-rule", host, "ip rule delete from 10.1.0.2/32 lookup 100 priority 20000 protocol 67"],
  ["delete-rule-missing", host, "ip rule delete from 10.1.0.2/32 lookup 100 priority 20000 protocol 67"],
];

/** The same about a link that goes to another namespace. */
const MOVE_COMMANDS = [
  [null, host, "ip link add name veth0 type veth peer name veth1"],
  ["move-link", host, `ip link set dev veth0 netns ${container} name net1 alias veth0`],
];

/** Other names of a link. */
const NAME_COMMANDS = [
  [null, host, "ip link add name veth0 type veth peer name veth1"],
  ["add-other-name", host, "ip link property add dev veth0 altname ens1"],
  [null, host, "ip link property add dev veth0 altname enp0s1"],
  ["get-other-names", host, "ip link show dev veth0"],
  ["delete-other-name", host, "ip link property del dev veth0 altname ens1"],
];

/** A network card, which the virtual machine has: node test/vm/run.mjs --exec "modprobe virtio_net; node $PWD/capture.mjs hardware /vm" */
const HARDWARE_COMMANDS = [["get-hardware", "", "ip -details link show dev eth0"]];

const SETS = {
  vlans: VLAN_COMMANDS,
  traffic: TRAFFIC_COMMANDS,
  macvlans: MACVLAN_COMMANDS,
  children: CHILD_COMMANDS,
  vrfs: VRF_COMMANDS,
  policy: POLICY_COMMANDS,
  moves: MOVE_COMMANDS,
  names: NAME_COMMANDS,
  hardware: HARDWARE_COMMANDS,
};
const [commands, folder] = [SETS[process.argv[2]] ?? COMMANDS, process.argv[3]];

for (const name of [host, container]) run(["ip", "netns", "add", name]);
try {
  const [kernel] = run(["uname", "-r"]).stdout.split("-");
  const version = `# Linux ${kernel}, ${run(["ip", "-Version"]).stdout.replace(/.*(iproute2-[^,]*).*/s, "$1")}`;
  for (const [name, netns, command] of commands) capture(name, netns, command, version);
} finally {
  for (const name of [host, container]) run(["ip", "netns", "delete", name]);
}

function capture(name, netns, command, version) {
  const trace = join(tmpdir(), `capture.${process.pid}`);
  const strace = ["strace", "-o", trace, "-e", "trace=sendmsg,recvmsg,sendto,recvfrom", "-e", "read=all", "-e", "write=all"];
  const inside = netns === "" ? [] : ["ip", "netns", "exec", netns];
  const { stderr } = run([...inside, ...strace, ...command.split(" ")]);
  const text = readFileSync(trace, "utf8");
  rmSync(trace);
  if (name === null) return;
  const heading = `# ${command.replace(container, "CONTAINER")}`;
  const complaints = stderr.split("\n").filter((line) => line !== "").map((line) => `# stderr: ${line}`);
  writeFileSync(join(folder ?? import.meta.dirname, `${name}.hex`), [heading, version, ...complaints, ...messages(text), ""].join("\n"));
}

/** strace prints a call, then its bytes on lines that begin with " | ". A peek at the next answer is printed like an answer. */
function messages(trace) {
  const lines = [];
  let heading = "";
  let bytes = "";
  for (const line of [...trace.split("\n"), ""]) {
    if (line.startsWith(" | ")) bytes += line.slice(10, 60).replaceAll(" ", "");
    else if (!line.startsWith(" * ")) {
      if (heading !== "") lines.push(...print(heading, Buffer.from(bytes, "hex")));
      bytes = "";
      heading = line.includes("MSG_PEEK") ? "" : line.startsWith("recv") ? "## received" : "## sent";
    }
  }
  return lines;
}

/** `ip` sends some requests with zeros behind them, which are no message. */
function print(heading, bytes) {
  const lines = [];
  for (let offset = 0, length; offset < bytes.length; offset += length) {
    length = (bytes.readUInt32LE(offset) + 3) & ~3;
    if (length === 0) break;
    lines.push(`${bytes.readUInt16LE(offset + 4)} ${bytes.toString("hex", offset, offset + length)}`);
  }
  return lines.length === 0 ? [] : [heading, ...lines];
}

function run([file, ...args]) {
  return spawnSync(file, args, { encoding: "utf8" });
}
