import { beforeEach, expect, test } from "vitest";
import { firewallCheck, forwardCheck } from "../../../src/cnictl/doctor/firewalls.ts";
import { sysctlCheck } from "../../../src/cnictl/doctor/sysctls.ts";
import { addChain, NF_INET, NF_IP_PRI } from "../../../src/netfilter/nftables/chain.ts";
import { NF } from "../../../src/netfilter/nftables/data.ts";
import { CT_STATE, IPS } from "../../../src/netfilter/nftables/expression/ct.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { IPPROTO, match, matchBits, matchProtocol } from "../../../src/netfilter/nftables/match.ts";
import { addRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { NFPROTO } from "../../../src/netlink/nfnetlink.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";
import { examinationOf, modules, networkOf, ROUTED, wrong } from "./examinee.ts";

const bare = networkOf({ plugins: [ROUTED] });
const guarded = networkOf({ plugins: [ROUTED, { type: "firewall" }] });

/** A name as rules compare it. IFNAMSIZ <linux/if.h> */
function name(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
});

function addForward(family: number, table: string, name: string): void {
  const hook = { number: NF_INET.FORWARD, priority: NF_IP_PRI.FILTER };
  const chain = { family, table, name, type: "filter", hook, policy: NF.DROP };
  applyTransaction(kernel.openNetfilter(), [addTable({ family, name: table }), addChain(chain)], {
    action: "set the stage",
  });
}

test("a FORWARD that drops is a warning for a network without firewall, with rules that help", () => {
  addForward(NFPROTO.IPV4, "filter", "FORWARD");
  expect(wrong(forwardCheck.run(examinationOf([bare], { kernel })))).toEqual([
    'warning iptables-nft: chain FORWARD of iptables-nft has policy DROP: containers of network x are cut off unless rules there accept their packets | add { "type": "firewall" } to the list, or: iptables -I FORWARD -i cni0 -j ACCEPT; iptables -I FORWARD -o cni0 -j ACCEPT',
  ]);
  expect(wrong(forwardCheck.run(examinationOf([guarded], { kernel })))).toEqual([]);
});

const FILE = "into that firewall's own file, too, because its next reload loses";

test("a chain of nftables that accepts nothing is an error, whatever the list has", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  for (const network of [bare, guarded])
    expect(wrong(forwardCheck.run(examinationOf([network], { kernel })))).toEqual([
      `error inet filter forward: this chain of nftables has policy drop, and none of its rules accepts packets from cni0 or to cni0: containers are cut off | put them ${FILE} them: nft insert rule inet filter forward iifname cni0 accept; nft insert rule inet filter forward oifname cni0 accept`,
    ]);
});

const FROM = match("iifname", name("cni0"));
const TO = match("oifname", name("cni0"));
const ESTABLISHED = matchBits("ct state", CT_STATE.ESTABLISHED | CT_STATE.RELATED);

function addRules(...rules: readonly (readonly Expression[])[]): void {
  const place = { family: NFPROTO.INET, table: "filter", chain: "forward" };
  const changes = rules.map((expressions) => addRule({ ...place, expressions, label: "a rule" }));
  applyTransaction(kernel.openNetfilter(), changes, { action: "set the stage" });
}

test.each([
  ["both directions", [FROM, TO]],
  ["what comes in, and answers", [FROM, ESTABLISHED]],
])("a chain of nftables is as it should be with rules that accept %s", (_, conditions) => {
  addForward(NFPROTO.INET, "filter", "forward");
  addRules(...conditions.map((condition) => [...condition, ACCEPT]));
  expect(forwardCheck.run(examinationOf([bare], { kernel }))).toEqual([
    {
      level: "ok",
      subject: "inet filter forward",
      message: "this chain of nftables has policy drop, and accepts the packets of containers",
    },
  ]);
});

test("of a chain that accepts answers, the cure has the other rule alone, and the chain is as it should be then", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  addRules([...ESTABLISHED, ACCEPT]);
  expect(wrong(forwardCheck.run(examinationOf([bare], { kernel })))).toEqual([
    `error inet filter forward: this chain of nftables has policy drop, and none of its rules accepts packets from cni0: containers are cut off | put it ${FILE} it: nft insert rule inet filter forward iifname cni0 accept`,
  ]);
  addRules([...FROM, ACCEPT]);
  expect(wrong(forwardCheck.run(examinationOf([bare], { kernel })))).toEqual([]);
});

test("a chain whose rules ask for more is a warning", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  addRules([...FROM, ...matchProtocol(IPPROTO.TCP), ACCEPT], [...ESTABLISHED, ACCEPT]);
  expect(wrong(forwardCheck.run(examinationOf([bare], { kernel })))).toEqual([
    expect.stringContaining(
      "warning inet filter forward: this chain of nftables has policy drop: containers are cut off unless",
    ),
  ]);
});

/** Makes a link with the default route. */
function addUplink(name: string): void {
  const host = kernel.openRoute();
  addBridge(host, { name });
  setLink(host, getLink(host, name), { up: true });
  addAddress(host, getLink(host, name), { prefix: prefix("192.0.2.2/24") });
  addRoute(host, getLink(host, name), { destination: prefix("0.0.0.0/0"), gateway: address("192.0.2.1") });
}

test("a chain that accepts what goes out by the uplink, and its answers, is as it should be", () => {
  const v4 = networkOf({ plugins: [{ ...ROUTED, ipam: { type: "host-local", subnet: "10.88.0.0/16" } }] });
  addForward(NFPROTO.INET, "filter", "forward");
  addRules([...FROM, ...match("oifname", name("up0")), ACCEPT], [...match("iifname", name("up0")), ...TO, ACCEPT]);
  const levels = () => forwardCheck.run(examinationOf([v4], { kernel })).map(({ level }) => level);
  expect(levels()).toEqual(["warning"]);
  addUplink("up0");
  expect(levels()).toEqual(["ok"]);
});

test("published ports behind a chain that accepts answers alone are a note", () => {
  addUplink("up0");
  addForward(NFPROTO.INET, "filter", "forward");
  addRules([...FROM, ACCEPT], [...ESTABLISHED, ACCEPT]);
  const ipam = { type: "host-local", subnet: "10.88.0.0/16" };
  const mapped = networkOf({ plugins: [{ ...ROUTED, ipam }, { type: "portmap" }] });
  expect(wrong(forwardCheck.run(examinationOf([mapped], { kernel })))).toEqual([
    `note inet filter forward: this chain of nftables has policy drop, and accepts no connections to published ports of networks x | put it ${FILE} it: nft insert rule inet filter forward ct status dnat accept`,
  ]);
  addRules([...matchBits("ct status", IPS.DST_NAT), ACCEPT]);
  expect(wrong(forwardCheck.run(examinationOf([mapped], { kernel })))).toEqual([]);
});

test("a gateway in a VLAN has its packets on the link in that VLAN", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  const tagged = networkOf({ plugins: [{ ...ROUTED, vlan: 5 }] });
  expect(wrong(forwardCheck.run(examinationOf([tagged], { kernel })))).toEqual([
    expect.stringContaining("iifname cni0.5 accept"),
  ]);
});

test("ptp is routed, too, through veths whose names nobody knows before", () => {
  addForward(NFPROTO.IPV4, "filter", "FORWARD");
  addForward(NFPROTO.INET, "own", "forward");
  const ptp = networkOf({ plugins: [{ type: "ptp", ipam: ROUTED.ipam }] });
  const found = wrong(forwardCheck.run(examinationOf([ptp], { kernel }))).map((line) =>
    line.split(/ \| |, or: |: (?=nft )/).at(-1),
  );
  expect(found).toEqual([
    "iptables -I FORWARD -i veth+ -j ACCEPT; iptables -I FORWARD -o veth+ -j ACCEPT",
    `nft insert rule inet own forward iifname '"veth*"' accept; nft insert rule inet own forward oifname '"veth*"' accept`,
  ]);
});

test("a network that the host does not route for is not cut off", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  const layer2 = networkOf({ plugins: [{ type: "bridge" }] });
  expect(forwardCheck.run(examinationOf([layer2], { kernel }))).toEqual([]);
});

test("nf_tables is not opened while its module is not loaded, because that would load it", () => {
  const examination = examinationOf([bare], { kernel, modules: modules({ nf_tables: "loadable" }) });
  expect(wrong([...forwardCheck.run(examination), ...firewallCheck.run(examination)])).toEqual([]);
  expect(kernel.log).toEqual([]);
});

test("bridge-nf-call-iptables is a warning where FORWARD drops what it gets then", () => {
  kernel.host.sysctls.set("net/bridge/bridge-nf-call-iptables", "1");
  expect(wrong(sysctlCheck.run(examinationOf([bare], { kernel })))).toEqual([]);
  addForward(NFPROTO.IPV4, "filter", "FORWARD");
  expect(wrong(sysctlCheck.run(examinationOf([bare], { kernel })))).toEqual([
    'warning net.bridge.bridge-nf-call-iptables: 1, and chain FORWARD of iptables-nft has policy DROP: it drops packets between containers of one bridge, too, of networks x | add { "type": "firewall" } to the list, or: sysctl -w net.bridge.bridge-nf-call-iptables=0',
  ]);
  expect(wrong(sysctlCheck.run(examinationOf([guarded], { kernel })))).toEqual([]);
});

test("bridge-nf-call-iptables is an error beside a chain of nftables that accepts nothing, for the family of the addresses", () => {
  for (const name of ["iptables", "ip6tables"]) kernel.host.sysctls.set(`net/bridge/bridge-nf-call-${name}`, "1");
  addForward(NFPROTO.INET, "filter", "forward");
  const layer2 = networkOf({ plugins: [{ type: "bridge", ipam: { type: "host-local", subnet: "10.88.0.0/16" } }] });
  const check = () => wrong(sysctlCheck.run(examinationOf([layer2], { kernel })));
  expect(check()).toEqual([
    `error net.bridge.bridge-nf-call-iptables: 1, and chain forward of nftables table inet filter has policy drop: it drops packets between containers of one bridge, too, of networks x | put it ${FILE} it: nft insert rule inet filter forward iifname cni0 oifname cni0 accept, or: sysctl -w net.bridge.bridge-nf-call-iptables=0`,
  ]);
  addRules([...FROM, ...TO, ...matchProtocol(IPPROTO.TCP), ACCEPT]);
  expect(check()).toEqual([
    expect.stringContaining("warning net.bridge.bridge-nf-call-iptables: 1, and chain forward"),
  ]);
  addRules([...FROM, ...TO, ACCEPT]);
  expect(check()).toEqual([]);
});

test("a message bus that does not answer is what cannot be told", () => {
  const examination = examinationOf([bare], { kernel });
  const edge = { ...examination.edge, environment: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/dev/null" } };
  expect(wrong(firewallCheck.run({ ...examination, edge }))).toEqual([
    expect.stringMatching(/^warning firewalld: cannot tell: Cannot ask whether firewalld runs: /),
  ]);
});
