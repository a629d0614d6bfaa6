import { expect, test } from "vitest";
import { decodeSet } from "../../../src/netfilter/nftables/set.ts";
import { commented, findComment, userdata } from "../../../src/netfilter/nftables/userdata.ts";
import { hex, payloads } from "../captured.ts";

test("userdata reads and writes the entries of a map as the nft tool sends them", () => {
  const [entries = []] = payloads("apply", "sent", "NEWSET").map((bytes) => decodeSet(bytes).userdata);
  expect(entries.map(({ type, value }) => [type, hex(value)])).toEqual([
    [0, "02000000"],
    [1, "00000000"],
    [6, "00000000"],
  ]);
  expect(hex(userdata.encode(entries))).toBe("000402000000" + "010400000000" + "060400000000");
});

test("userdata refuses an entry that is cut short", () => {
  expect(() => userdata.decode(Uint8Array.of(0, 4, 1))).toThrow("Cannot decode user data 0: 3 bytes are left");
  expect(() => userdata.decode(Uint8Array.of(7))).toThrow("Cannot decode user data 7: 1 bytes are left");
});

test("findComment finds what commented made, under each kind's own type", () => {
  expect(findComment("set", [...commented("element", "no"), ...commented("set", "yes")])).toBe("yes");
  expect(commented("element", "a")).toEqual([{ type: 0, value: Uint8Array.of(97, 0) }]);
  expect(findComment("element")).toBeUndefined();
});
