import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { addRule, deleteRule, type SourceRule } from "../../../src/netlink/rule/change.ts";
import { RULE_HEADER_SIZE } from "../../../src/netlink/rule/header.ts";
import { listRules } from "../../../src/netlink/rule/list.ts";
import { decodeRule, encodeRule, readRule } from "../../../src/netlink/rule/message.ts";
import { captured, contentOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const rule: SourceRule = { source: prefix("10.1.0.2/32"), table: 100, priority: 20_000, protocol: 67 };
const rule6: SourceRule = { source: prefix("fd00::2/128"), table: 5000, priority: 20_001, protocol: 67 };

describe("addRule()", () => {
  test.each([
    ["add-rule", rule],
    ["add-rule6", rule6],
  ])("sends what `ip rule add` sends: %s", (capture, wanted) => {
    const netlink = new FakeNetlink();
    addRule(netlink, wanted);
    const sent = lastOf(capture, "sent", RTM.NEWRULE);
    expect(contentOf(netlink.onlyRequest.payload, RULE_HEADER_SIZE)).toEqual(contentOf(sent.payload, RULE_HEADER_SIZE));
    // NLM_F_CREATE, NLM_F_EXCL and NLM_F_ACK, as `ip` has them.
    expect(netlink.onlyRequest).toMatchObject({ flags: sent.flags & ~1, type: RTM.NEWRULE });
    expect(netlink.onlyRequest.action).toBe(`add rule from ${formatPrefix(wanted.source)} lookup ${wanted.table}`);
  });

  test.each([
    [255, { table: 255 }, undefined],
    [256, { table: 0 }, 256],
  ])("has the table %i where it fits", (table, header, attribute) => {
    const netlink = new FakeNetlink();
    addRule(netlink, { ...rule, table });
    expect(decodeRule(netlink.onlyRequest.payload)).toMatchObject({ header, attributes: { priority: 20_000 } });
    expect(decodeRule(netlink.onlyRequest.payload).attributes.table).toBe(attribute);
  });
});

describe("deleteRule()", () => {
  test("sends what `ip rule delete` sends", () => {
    const netlink = new FakeNetlink();
    deleteRule(netlink, rule);
    const sent = lastOf("delete-rule", "sent", RTM.DELRULE);
    expect(contentOf(netlink.onlyRequest.payload, RULE_HEADER_SIZE)).toEqual(contentOf(sent.payload, RULE_HEADER_SIZE));
    expect(netlink.onlyRequest.action).toBe("delete rule from 10.1.0.2/32 lookup 100");
  });
});

describe("listRules()", () => {
  const listOf = (capture: string, family: 4 | 6) =>
    listRules(new FakeNetlink(() => captured(capture, "received", RTM.NEWRULE)), family);

  test("reads the rules in their order, and which look at the source alone", () => {
    expect(listOf("list-rules", 4)).toEqual([
      { family: 4, source: undefined, table: 255, priority: 0, protocol: 2, isBySource: true },
      { family: 4, source: prefix("10.1.0.0/16"), table: 101, priority: 19_999, protocol: 0, isBySource: false },
      { family: 4, ...rule, isBySource: true },
      { family: 4, source: undefined, table: 254, priority: 32_766, protocol: 2, isBySource: true },
      { family: 4, source: undefined, table: 253, priority: 32_767, protocol: 2, isBySource: true },
    ]);
    expect(listOf("list-rules6", 6).filter(({ source }) => source !== undefined)).toEqual([
      { family: 6, ...rule6, isBySource: true },
    ]);
  });

  test("takes a rule that looks at more, or leads to no table, for none by source alone", () => {
    const read = (header: object, attributes = {}) =>
      readRule(encodeRule({ header: { family: 2, action: 1, ...header }, attributes: { table: 7, ...attributes } }));
    expect(read({}).isBySource).toBe(true);
    const others = [
      read({ action: 6 }),
      read({ tos: 16 }),
      read({}, { destination: address("10.0.0.0") }),
      read({}, { incoming: "eth0" }),
      read({}, { outgoing: "eth0" }),
      read({}, { mark: 0 }),
    ];
    expect(others.map(({ isBySource }) => isBySource)).toEqual(Array(6).fill(false));
  });

  test("asks for one family", () => {
    const netlink = new FakeNetlink();
    listRules(netlink, 6);
    expect(netlink.onlyRequest.action).toBe("list the IPv6 rules");
    expect(decodeRule(netlink.onlyRequest.payload).header).toMatchObject({ family: 10, table: 0 });
  });
});

test("encodeRule() and decodeRule() are mirror images of what the kernel sends", () => {
  for (const { payload } of captured("list-rules", "received", RTM.NEWRULE))
    expect(contentOf(encodeRule(decodeRule(payload)), RULE_HEADER_SIZE)).toEqual(contentOf(payload, RULE_HEADER_SIZE));
  expect(() => decodeRule(new Uint8Array(11))).toThrow(RangeError);
});
