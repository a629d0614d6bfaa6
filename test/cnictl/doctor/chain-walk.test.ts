import { beforeEach, expect, test } from "vitest";
import { readChain } from "../../../src/cnictl/doctor/chain-walk.ts";
import type { ForwardedPacket } from "../../../src/cnictl/doctor/packet-field.ts";
import { addChain, NF_INET } from "../../../src/netfilter/nftables/chain.ts";
import { NF } from "../../../src/netfilter/nftables/data.ts";
import { addElement } from "../../../src/netfilter/nftables/element.ts";
import { NFT_CMP } from "../../../src/netfilter/nftables/expression/cmp.ts";
import { CT_STATE } from "../../../src/netfilter/nftables/expression/ct.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import {
  lookUp,
  lookUpNot,
  lookUpVerdict,
  match,
  matchBits,
  matchFamily,
  matchProtocol,
} from "../../../src/netfilter/nftables/match.ts";
import { addRule } from "../../../src/netfilter/nftables/rule.ts";
import { addSet, typedSet } from "../../../src/netfilter/nftables/set.ts";
import { ACCEPT, DROP, goTo, jump, RETURN } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { u32 } from "../../../src/netlink/codec.ts";
import { NFPROTO } from "../../../src/netlink/nfnetlink.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";

const FAMILY = NFPROTO.INET;
const MAIN = { family: FAMILY, table: "own", name: "forward" };
const PACKET: ForwardedPacket = { family: 4, from: { name: "cni0", index: 7 }, state: CT_STATE.NEW, status: 0 };

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
  const hook = { number: NF_INET.FORWARD, priority: 0 };
  const chains = [
    { ...MAIN, type: "filter", hook, policy: NF.DROP },
    { ...MAIN, name: "side" },
  ];
  change(addTable({ family: FAMILY, name: "own" }), ...chains.map(addChain));
});

function change(...changes: Parameters<typeof applyTransaction>[1]): void {
  applyTransaction(kernel.openNetfilter(), changes, { action: "set the stage" });
}

function addRules(chain: string, ...rules: readonly (readonly Expression[])[]): void {
  change(...rules.map((expressions) => addRule({ family: FAMILY, table: "own", chain, expressions, label: "a rule" })));
}

function fateOf(packet: Partial<ForwardedPacket> = {}): string {
  return readChain(kernel.openNetfilter(), MAIN).fateOf({ ...PACKET, ...packet });
}

/** A name as rules compare it: 16 bytes, or the beginning of a name. */
function name(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text.replace("*", ""));
  return text.endsWith("*") ? bytes : Uint8Array.from({ length: 16 }, (_, index) => bytes[index] ?? 0);
}

/** The condition that the other one is not so. */
function unlike(expressions: readonly Expression[]): readonly Expression[] {
  return expressions.map((each) =>
    each.name === "cmp" ? { ...each, data: { ...each.data, operation: NFT_CMP.NEQ } } : each,
  );
}

const FROM = match("iifname", name("cni0"));
const TCP = matchProtocol(6);

test.each<[string, readonly (readonly Expression[])[], string]>([
  ["without rules", [], "dropped"],
  ["with a rule for all", [[ACCEPT]], "accepted"],
  ["with a rule for the link", [[...FROM, ACCEPT]], "accepted"],
  ["with a rule for its index", [[...match("iif", u32.encode(7)), ACCEPT]], "accepted"],
  ["with a rule for another index", [[...match("iif", u32.encode(8)), ACCEPT]], "dropped"],
  ["with a rule for links of that beginning", [[...match("iifname", name("cni*")), ACCEPT]], "accepted"],
  ["with a rule for another link", [[...match("iifname", name("cni1")), ACCEPT]], "dropped"],
  ["with a rule for all but another link", [[...unlike(match("iifname", name("eth0"))), ACCEPT]], "accepted"],
  ["with a rule for all but the link", [[...unlike(FROM), ACCEPT]], "dropped"],
  ["with a rule for where nobody knows it goes", [[...match("oifname", name("eth0")), ACCEPT]], "maybe"],
  ["with a rule for a protocol", [[...FROM, ...TCP, ACCEPT]], "maybe"],
  ["with a rule for its family", [[...matchFamily(4), ...FROM, ACCEPT]], "accepted"],
  ["with a rule for the other family", [[...matchFamily(6), ...FROM, ACCEPT]], "dropped"],
  ["with a rule for answers", [[...matchBits("ct state", CT_STATE.ESTABLISHED), ACCEPT]], "dropped"],
  [
    "dropped before it is accepted",
    [
      [...FROM, DROP],
      [...FROM, ACCEPT],
    ],
    "dropped",
  ],
  [
    "that some rule may drop before",
    [
      [...TCP, DROP],
      [...FROM, ACCEPT],
    ],
    "accepted",
  ],
  ["that some rule may accept before", [[...TCP, ACCEPT], [DROP], [ACCEPT]], "maybe"],
])("readChain() tells the fate of a packet %s", (_, rules, expected) => {
  addRules("forward", ...rules);
  expect(fateOf()).toBe(expected);
});

test.each<[string, Expression, readonly (readonly Expression[])[], string]>([
  ["jump", jump("side"), [[...FROM, ACCEPT]], "accepted"],
  ["jump", jump("side"), [[...FROM, DROP]], "dropped"],
  ["jump", jump("side"), [[RETURN], [DROP]], "accepted"],
  ["jump", jump("side"), [[...TCP, DROP]], "accepted"],
  ["jump", jump("side"), [[...TCP, ACCEPT], [DROP]], "maybe"],
  ["goto", goTo("side"), [[...FROM, ACCEPT]], "accepted"],
  ["goto", goTo("side"), [], "dropped"],
  ["goto", goTo("side"), [[...TCP, ACCEPT]], "maybe"],
])("readChain() follows a %s", (_, verdict, side, expected) => {
  addRules("side", ...side);
  addRules("forward", [...FROM, verdict], [...FROM, ACCEPT]);
  expect(fateOf()).toBe(expected);
});

test("readChain() reads sets and maps of verdicts", () => {
  const set = { family: FAMILY, table: "own", name: "links", id: 1 };
  const map = { ...set, name: "states", id: 2 };
  change(
    addSet(typedSet({ ...set, key: ["ifname"] })),
    addElement(set, { key: { value: name("cni0") }, label: "cni0" }),
    addSet(typedSet({ ...map, key: ["ct_state"], data: "verdict" })),
    addElement(map, {
      key: { value: u32.encode(CT_STATE.ESTABLISHED) },
      data: { verdict: { code: NF.ACCEPT } },
      label: "established",
    }),
  );
  addRules("forward", [...lookUpVerdict(["ct state"], map)], [...lookUpNot(["iifname"], set), DROP]);
  expect(fateOf({ state: CT_STATE.ESTABLISHED, from: undefined })).toBe("accepted");
  expect(fateOf()).toBe("dropped");
  addRules("forward", [...lookUp(["iifname"], set), ACCEPT]);
  expect(fateOf()).toBe("accepted");
  expect(fateOf({ from: { name: "cni1", index: undefined } })).toBe("dropped");
});

test("readChain() takes a name with * for every link of that beginning", () => {
  const veths = { from: { name: "veth*", index: undefined } };
  addRules("forward", [...match("iifname", name("veth1")), ACCEPT]);
  expect(fateOf(veths)).toBe("maybe");
  addRules("forward", [...match("iifname", name("veth*")), ACCEPT]);
  expect(fateOf(veths)).toBe("accepted");
});
