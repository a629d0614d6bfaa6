import { expect, test } from "vitest";
import { addSet, decodeSet, encodeSet, verdictMap } from "../../../src/netfilter/nftables/set.ts";
import { captured, hex, payloads } from "../captured.ts";

const place = { family: 1, table: "cni_masquerade" };
const maps = [
  verdictMap({ ...place, name: "sources4", addresses: 4, id: 1 }),
  verdictMap({ ...place, name: "sources6", addresses: 6, id: 2 }),
];

test("encodeSet writes a verdict map as the nft tool sends it", () => {
  expect(maps.map((map) => hex(encodeSet(map)))).toEqual(payloads("apply", "sent", "NEWSET").map(hex));
});

test("decodeSet reads what encodeSet writes", () => {
  expect(maps.map((map) => decodeSet(encodeSet(map)))).toEqual(maps);
});

test("decodeSet reads what the kernel sends", () => {
  expect(payloads("list", "received", "NEWSET").map(decodeSet)).toMatchObject([
    { ...place, name: "sources4", flags: 8, keyType: 7, keyLength: 4, dataType: 0xffffff00, handle: 5n },
    { ...place, name: "sources6", flags: 8, keyType: 8, keyLength: 16, dataType: 0xffffff00, handle: 6n },
  ]);
});

test("addSet asks for a set that may be there already", () => {
  const [{ type, flags } = { type: 0, flags: 0 }] = captured("apply", "sent", "NEWSET");
  const action = "add nftables set sources6 to table cni_masquerade";
  expect(maps.map(addSet)[1]).toMatchObject({ type, flags: flags & ~1, action });
});
