import { expect, test } from "vitest";
import {
  addRule,
  decodeRule,
  encodeRule,
  flushChain,
  listRules,
  listRulesIfThere,
} from "../../../src/netfilter/nftables/rule.ts";
import { MASQUERADE } from "../../../src/netfilter/nftables/statement.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { captured, hex, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const place = { family: 1, table: "cni_masquerade" };

test("encodeRule and decodeRule are mirror images on all rules that the nft tool sends", () => {
  const all = ["apply", "rules", "bridge-rules"].flatMap((name) => payloads(name, "sent", "NEWRULE"));
  expect(all.map((bytes) => hex(encodeRule(decodeRule(bytes))))).toEqual(all.map(hex));
  expect(all).toHaveLength(28);
});

test("decodeRule reads what the kernel sends", () => {
  const found = payloads("list", "received", "NEWRULE").map(decodeRule);
  expect(found.map(({ chain, handle, position }) => [chain, handle, position])).toEqual([
    ["postrouting", 7n, undefined],
    ["postrouting", 8n, 7n],
    ["postrouting", 9n, 8n],
    ["postrouting", 10n, 9n],
    ["to_10.88.0.0/16", 11n, undefined],
    ["to_10.88.0.0/16", 12n, 11n],
    ["to_172.30.16.0/20", 13n, undefined],
    ["to_172.30.16.0/20", 14n, 13n],
    ["to_fd00-88--/64", 15n, undefined],
    ["to_fd00-88--/64", 16n, 15n],
  ]);
  expect(found[5]?.expressions).toEqual([MASQUERADE]);
});

test("addRule is what the nft tool sends", () => {
  const { type, flags, payload } = captured("apply", "sent", "NEWRULE")[5] ?? { payload: new Uint8Array() };
  const rule = { ...place, chain: "to_10.88.0.0/16", label: "masquerade", expressions: [MASQUERADE] };
  const action = 'add rule "masquerade" to nftables chain to_10.88.0.0/16 of table cni_masquerade';
  expect(addRule(rule)).toEqual({ type, flags: (flags ?? 0) & ~1, payload, action });
});

test("flushChain is what the nft tool sends", () => {
  const [{ type, payload } = { type: 0, payload: new Uint8Array() }] = captured("apply", "sent", "DELRULE");
  const action = "flush nftables chain postrouting of table cni_masquerade";
  expect(flushChain({ ...place, name: "postrouting" })).toEqual({ type, flags: 0, payload, action });
});

test("listRules asks for the list of one chain", () => {
  const netlink = fakeNetlink({
    request: ({ flags, payload }) => {
      expect(flags).toBe(0x300);
      expect(decodeRule(payload)).toEqual({ ...place, chain: "postrouting" });
      return captured("list", "received", "NEWRULE").slice(0, 4);
    },
  });
  expect(listRules(netlink, { ...place, name: "postrouting" }).map(({ handle }) => handle)).toEqual([7n, 8n, 9n, 10n]);
});

test.each([
  ["finds no rules without the table", 2, []],
  ["throws any other refusal", 1, "Cannot list rules: Operation not permitted"],
])("listRulesIfThere %s", (_, errno, expected) => {
  const netlink = fakeNetlink({
    request: () => {
      throw new NetlinkError("list rules", { errno });
    },
  });
  const list = () => listRulesIfThere(netlink, { ...place, name: "postrouting" });

  if (typeof expected === "string") expect(list).toThrow(expected);
  else expect(list()).toEqual(expected);
});
