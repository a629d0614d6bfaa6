import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePrefix } from "../../src/ip/prefix.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { type Nfnetlink, openNfnetlink } from "../../src/netlink/socket.ts";
import { addMasquerade, deleteSelected } from "../../src/steps/masquerade/elements.ts";
import { Lab } from "../lab.ts";

// A container 10.88.0.2, fd00:88::2 behind the lab's host, which routes to the outside, 192.0.2.2 and 2001:db8::2. The
// outside also has an address of the container's own subnet, and writes down who sends it packets.

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
// The host's own 10.88.0.7 and fd00:88::7 stand for containers whose multicast packets reach the host's output.
const texts = ["10.88.0.2/16", "fd00:88::2/64", "10.88.0.7/16", "fd00:88::7/64"];
const prefixes = texts.map(parsePrefix).filter((prefix) => prefix !== undefined);

let lab: Lab;
let netlink: Nfnetlink;
let container: string;
let outside: string;

beforeAll(() => {
  lab = new Lab();
  container = lab.addNamespace("container");
  outside = lab.addNamespace("outside");
  netlink = openNfnetlink({ netns: lab.host });
  connect("in0", container, ["10.88.0.1/16", "fd00:88::1/64"], ["10.88.0.2/16", "fd00:88::2/64"]);
  connect("out0", outside, ["192.0.2.1/24", "2001:db8::1/64"], ["192.0.2.2/24", "2001:db8::2/64"]);
  setUp(container, [
    "ip route add default via 10.88.0.1",
    "ip route add 10.88.200.9/32 via 10.88.0.1",
    "ip -6 route add default via fd00:88::1",
    "ip -6 route add fd00:88::9:9/128 via fd00:88::1",
  ]);
  setUp(outside, [
    "ip addr add 10.88.200.9/32 dev eth0",
    "ip addr add fd00:88::9:9/128 dev eth0 nodad",
    "ip route add 10.88.0.0/16 via 192.0.2.1",
    "ip -6 route add fd00:88::/64 via 2001:db8::1",
    "nft add table inet seen",
    "nft add set inet seen pairs4 { type ipv4_addr . ipv4_addr; flags dynamic; }",
    "nft add set inet seen pairs6 { type ipv6_addr . ipv6_addr; flags dynamic; }",
    "nft add chain inet seen in { type filter hook prerouting priority -300; }",
    "nft add rule inet seen in add @pairs4 { ip saddr . ip daddr }",
    "nft add rule inet seen in add @pairs6 { ip6 saddr . ip6 daddr }",
  ]);
  setUp(lab.host, [
    "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
    "ip route add 10.88.200.9/32 via 192.0.2.2",
    "ip -6 route add fd00:88::9:9/128 via 2001:db8::2",
    "ip addr add 10.88.0.7/32 dev lo",
    "ip addr add fd00:88::7/128 dev lo nodad",
  ]);
  addMasquerade(netlink, { owner, prefixes });
});

afterAll(() => {
  netlink?.close();
  lab?.dispose();
});

function connect(name: string, netns: string, host: string[], far: string[]): void {
  setUp(lab.host, [
    `ip link add ${name} type veth peer name eth0 netns ${netns.replace("/run/netns/", "")}`,
    `ip link set ${name} up`,
    ...host.map((address) => `ip addr add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`),
  ]);
  setUp(netns, [
    "ip link set lo up",
    "ip link set eth0 up",
    ...far.map((address) => `ip addr add ${address} dev eth0${address.includes(":") ? " nodad" : ""}`),
  ]);
}

function setUp(netns: string, commands: readonly string[]): void {
  for (const command of commands) lab.run(command.split(" "), netns);
}

/** Pings, and returns which sources the outside has seen send to that destination since the last call. */
function sourcesSeen(netns: string, destination: string, from: readonly string[] = []): readonly string[] {
  const sets = ["pairs4", "pairs6"];
  for (const set of sets) lab.run(["nft", "flush", "set", "inet", "seen", set], outside);
  const { status } = lab.try(
    ["ping", "-c", "1", "-W", "1", ...from.flatMap((each) => ["-I", each]), destination],
    netns,
  );
  if (!/^(239|ff)/.test(destination)) expect(status).toBe(0);
  const pairs = sets.flatMap((set) => {
    const { nftables } = JSON.parse(lab.run(["nft", "-j", "list", "set", "inet", "seen", set], outside));
    return (nftables[1].set.elem ?? []).map(({ concat }: { concat: string[] }) => concat);
  });
  return pairs.filter(([, to]) => to === destination).map(([source]) => source);
}

test.each([
  ["192.0.2.2", "192.0.2.1"],
  ["2001:db8::2", "2001:db8::1"],
])("what leaves the subnet for %s has the router's address, and is answered", (destination, router) => {
  expect(sourcesSeen(container, destination)).toEqual([router]);
});

test.each([
  ["10.88.200.9", "10.88.0.2"],
  ["fd00:88::9:9", "fd00:88::2"],
])("what stays in the subnet, for %s, keeps its source", (destination, source) => {
  expect(sourcesSeen(container, destination)).toEqual([source]);
});

test.each([
  ["239.1.1.1", "10.88.0.7"],
  ["ff05::77", "fd00:88::7"],
])("what is multicast, for %s, keeps its source", (destination, source) => {
  expect(sourcesSeen(lab.host, destination, [source, "out0"])).toEqual([source]);
});

test.each([
  ["192.0.2.2", "10.88.0.7", "192.0.2.1"],
  ["2001:db8::2", "fd00:88::7", "2001:db8::1"],
])("what is unicast, for %s from the same source, does not", (destination, source, router) => {
  expect(sourcesSeen(lab.host, destination, [source, "out0"])).toEqual([router]);
});

test("after deleteSelected everything keeps its source", () => {
  deleteSelected(netlink, selectOwner(owner));
  expect(sourcesSeen(container, "192.0.2.2")).toEqual(["10.88.0.2"]);
  expect(sourcesSeen(container, "2001:db8::2")).toEqual(["fd00:88::2"]);
});
