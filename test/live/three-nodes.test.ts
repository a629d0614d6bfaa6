import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";
import { pathFor, type Variant } from "./masquerading.ts";
import { Mirrors, seenBy } from "./peers.ts";

const LIST = path.join(import.meta.dirname, "../../conf/50-cluster.conflist");

const NUMBERS = [1, 2, 3] as const;

/** Addresses by family. */
interface Addresses {
  readonly 4: string;
  readonly 6: string;
}

const OUTSIDE: Addresses = { 4: "203.0.113.2", 6: "2001:db8:f::2" };

const nodeAddresses = (number: number): Addresses => ({ 4: `192.168.50.${number}`, 6: `fd00:192:168:50::${number}` });

/** Somebody who sends or is sent to: a pod, a node, or the outside. */
interface Host {
  readonly netns: string;
  readonly addresses: Addresses;
  /** The number of the node that it is or is on; 0 for the outside. */
  readonly node: number;
}

interface Attachment {
  readonly lab: Lab;
  readonly containerId: string;
  readonly netns: string;
  readonly config: object;
  readonly result: object;
}

/** A router, to which every node and the outside are connected. It knows no way to any pod. */
let router: Lab;
let nodes: (Host & { readonly lab: Lab })[];
let outside: Host;
let pods: Host[];
let attachments: Attachment[];
let mirrors: Mirrors;

beforeEach(() => {
  router = new Lab();
  mirrors = new Mirrors();
  pods = [];
  attachments = [];
  configure(router, router.host, [
    "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
    "ip link add name nodes type bridge; ip link set nodes up",
    "ip address add 192.168.50.254/24 dev nodes; ip address add fd00:192:168:50::254/64 dev nodes nodad",
  ]);
  nodes = NUMBERS.map((number) => addNode(number));
  for (const { node, lab } of nodes) configure(lab, lab.host, routesToOthers(node));
  outside = addOutside();
});

afterEach(() => {
  mirrors.dispose();
  for (const { lab } of nodes) lab.dispose();
  router.dispose();
});

function configure(lab: Lab, netns: string, commands: readonly string[]): void {
  lab.run(["sh", "-ec", commands.join("\n")], netns);
}

/** What makes addresses usable at once. */
const WITHOUT_DAD = "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0";

function addNode(number: number) {
  const lab = new Lab();
  const { 4: ipv4, 6: ipv6 } = nodeAddresses(number);
  configure(router, router.host, [
    `ip link add name node${number} up master nodes type veth peer name up0 netns ${path.basename(lab.host)}`,
  ]);
  configure(lab, lab.host, [
    WITHOUT_DAD,
    `ip address add ${ipv4}/24 dev up0; ip address add ${ipv6}/64 dev up0 nodad; ip link set up0 up`,
    "ip route add default via 192.168.50.254; ip route add default via fd00:192:168:50::254",
  ]);
  return { netns: lab.host, addresses: nodeAddresses(number), node: number, lab };
}

/** What a cluster's routes look like: to each other node's pods by that node. */
function routesToOthers(own: number): readonly string[] {
  return NUMBERS.filter((number) => number !== own).map((number) => {
    const { 4: ipv4, 6: ipv6 } = nodeAddresses(number);
    return `ip route add 10.244.${number}.0/24 via ${ipv4}; ip route add fd00:10:244:${number}::/64 via ${ipv6}`;
  });
}

function addOutside(): Host {
  const netns = router.addNamespace("outside");
  configure(router, router.host, [
    `ip link add name out0 up type veth peer name eth0 netns ${path.basename(netns)}`,
    "ip address add 203.0.113.1/24 dev out0; ip address add 2001:db8:f::1/64 dev out0 nodad",
  ]);
  configure(router, netns, [
    WITHOUT_DAD,
    `ip address add ${OUTSIDE[4]}/24 dev eth0; ip address add ${OUTSIDE[6]}/64 dev eth0 nodad; ip link set eth0 up`,
    "ip route add default via 203.0.113.1; ip route add default via 2001:db8:f::1",
  ]);
  return { netns, addresses: OUTSIDE, node: 0 };
}

/** The shipped list as it is on a node: with the node's own part of the pods' network. */
function configOn(number: number, lab: Lab, more: object): object {
  const text = fs
    .readFileSync(LIST, "utf8")
    .replace("10.244.1.0", `10.244.${number}.0`)
    .replace("244:1::", `244:${number}::`);
  const { cniVersion, name, plugins } = JSON.parse(text);
  return { cniVersion, name, ...plugins[0], ipam: { ...plugins[0].ipam, dataDir: lab.dataDir }, ...more };
}

/** Attaches two pods on each node. */
function addPods(more: object = {}, variant: Variant = "nft"): void {
  for (const { node, lab } of nodes) {
    const config = configOn(node, lab, more);
    for (let i = 0; i < 2; i++) {
      const containerId = `pod-${pods.length}`;
      const netns = lab.addNamespace(containerId);
      const environment = { PATH: pathFor(lab, variant) };
      const call = { command: "ADD", config, netns, containerId, environment };
      const { status, stdout, stderr } = lab.plugin("bridge", call);
      expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
      const result = JSON.parse(stdout);
      const [ipv4, ipv6] = result.ips.map(({ address }: { address: string }) => address.replace(/\/.*/, ""));
      pods.push({ netns, addresses: { 4: ipv4, 6: ipv6 }, node });
      attachments.push({ lab, containerId, netns, config, result });
    }
  }
}

/** Under which addresses everybody else sees each of these. */
async function look(from: readonly Host[], to: readonly Host[]) {
  const views = from.map(async (host) => {
    const others = to.filter((other) => other !== host).flatMap(({ addresses }) => [addresses[4], addresses[6]]);
    return await seenBy(host.netns, others);
  });
  return await Promise.all(views);
}

/** The same, where everybody sees everybody under the address that `as` says. */
function expected(from: readonly Host[], to: readonly Host[], as: (from: Host, to: Host) => Addresses) {
  return from.map((host) => {
    const others = to.filter((other) => other !== host);
    return Object.fromEntries(
      others.flatMap((other) => ([4, 6] as const).map((family) => [other.addresses[family], as(host, other)[family]])),
    );
  });
}

const ownAddresses = (from: Host): Addresses => from.addresses;

/** A node's address towards its own pods is the bridge's. */
function nodeSeenBy(from: Host, to: Host): Addresses {
  return from.node === to.node ? { 4: `10.244.${from.node}.1`, 6: `fd00:10:244:${from.node}::1` } : from.addresses;
}

const backends: readonly [string, object, Variant][] = [
  ["nftables", { ipMasqBackend: "nftables" }, "nft"],
  ["iptables", { ipMasqBackend: "iptables" }, "nft"],
  ["iptables-legacy", { ipMasqBackend: "iptables" }, "legacy"],
];

describe("three nodes", () => {
  it.each(backends)("no NAT among pods and nodes, and masquerade to the outside, by %s", async (_, more, variant) => {
    addPods(more, variant);
    await mirrors.start([...pods, ...nodes, outside].map(({ netns }) => netns));
    const [amongPods, toNodes, fromNodes, toOutside] = await Promise.all([
      look(pods, pods),
      look(pods, nodes),
      look(nodes, pods),
      look(pods, [outside]),
    ]);
    expect(amongPods).toEqual(expected(pods, pods, ownAddresses));
    expect(toNodes).toEqual(expected(pods, nodes, ownAddresses));
    expect(fromNodes).toEqual(expected(nodes, pods, nodeSeenBy));
    expect(toOutside).toEqual(expected(pods, [outside], ({ node }) => nodeAddresses(node)));
  });

  it.each(backends)("CHECK finds the list in place, and DEL leaves nothing of it, by %s", (_, more, variant) => {
    addPods(more, variant);
    const call = ({ lab, containerId, netns, config, result }: Attachment, command: string, fields: object = {}) => {
      const environment = { PATH: pathFor(lab, variant) };
      const full = { ...config, prevResult: result, ...fields };
      return lab.plugin("bridge", { command, config: full, netns, containerId, environment });
    };
    const other = { nonMasqueradeCIDRs: ["10.244.0.0/16", "192.168.51.0/24"] };
    for (const attachment of attachments) {
      expect(call(attachment, "CHECK")).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(JSON.parse(call(attachment, "CHECK", other).stdout).code).toBe(104);
    }
    for (const attachment of attachments) expect(call(attachment, "DEL", other).status).toBe(0);
    for (const { lab } of nodes) {
      const rules = ["nft list ruleset", "iptables-legacy-save", "ip6tables-legacy-save"].map((each) =>
        lab.run(each.split(" ")),
      );
      expect(rules.join("\n")).not.toMatch(/10\.244\.|fd00:10:244:|CNI-|chain to_/);
    }
  });

  it("without the list, pods of other nodes see the node: masquerade means everything outside the own subnet", async () => {
    addPods({ nonMasqueradeCIDRs: [] });
    await mirrors.start(pods.map(({ netns }) => netns));
    const seen = (from: Host, to: Host) => (from.node === to.node ? from.addresses : nodeAddresses(from.node));
    expect(await look(pods, pods)).toEqual(expected(pods, pods, seen));
  });

  it("a list that has changed counts for pods attached from then on, and each DEL takes its own", () => {
    addPods({ nonMasqueradeCIDRs: ["10.244.0.0/16"] });
    addPods();
    const chains = () => nodes.map(({ lab }) => lab.run(["nft", "list", "ruleset"]).match(/chain to_\S+/g) ?? []);
    expect(chains().map(({ length }) => length)).toEqual([4, 4, 4]);
    for (const { lab, containerId, netns, config } of attachments)
      expect(lab.plugin("bridge", { command: "DEL", config, netns, containerId }).status).toBe(0);
    expect(chains()).toEqual([[], [], []]);
  });
});
