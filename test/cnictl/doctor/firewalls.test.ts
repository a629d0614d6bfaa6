import { beforeEach, expect, test } from "vitest";
import { firewallCheck, forwardCheck } from "../../../src/cnictl/doctor/firewalls.ts";
import { sysctlCheck } from "../../../src/cnictl/doctor/sysctls.ts";
import { addChain, NF_INET, NF_IP_PRI } from "../../../src/netfilter/nftables/chain.ts";
import { NF } from "../../../src/netfilter/nftables/data.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { NFPROTO } from "../../../src/netlink/nfnetlink.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { examinationOf, modules, networkOf, ROUTED, wrong } from "./examinee.ts";

const bare = networkOf({ plugins: [ROUTED] });
const guarded = networkOf({ plugins: [ROUTED, { type: "firewall" }] });

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

test("a chain of nftables that drops is a warning, whatever the list has", () => {
  addForward(NFPROTO.INET, "filter", "forward");
  for (const network of [bare, guarded])
    expect(wrong(forwardCheck.run(examinationOf([network], { kernel })))).toEqual([
      "warning inet filter forward: this chain of nftables has policy drop: containers are cut off unless its own rules accept their packets | nft insert rule inet filter forward iifname cni0 accept; nft insert rule inet filter forward oifname cni0 accept",
    ]);
});

test("ptp is routed, too, through veths whose names nobody knows before", () => {
  addForward(NFPROTO.IPV4, "filter", "FORWARD");
  addForward(NFPROTO.INET, "own", "forward");
  const ptp = networkOf({ plugins: [{ type: "ptp", ipam: ROUTED.ipam }] });
  const found = wrong(forwardCheck.run(examinationOf([ptp], { kernel }))).map((line) =>
    line.split(/ \| |, or: /).at(-1),
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

test("a message bus that does not answer is what cannot be told", () => {
  const examination = examinationOf([bare], { kernel });
  const edge = { ...examination.edge, environment: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/dev/null" } };
  expect(wrong(firewallCheck.run({ ...examination, edge }))).toEqual([
    expect.stringMatching(/^warning firewalld: cannot tell: Cannot ask whether firewalld runs: /),
  ]);
});
