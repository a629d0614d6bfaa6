import { expect, test } from "vitest";
import { addTable, decodeTable, deleteTable, encodeTable, listTables } from "../../../src/netfilter/nftables/table.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { captured, hex, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const comment = commented("table", "Masquerading of containers' traffic, by the CNI plugins");
const table = { family: 1, name: "cni_masquerade", flags: 0, userdata: comment };

test("encodeTable writes what the nft tool sends", () => {
  expect(payloads("apply", "sent", "NEWTABLE").map(hex)).toEqual([hex(encodeTable(table))]);
});

test("decodeTable reads what encodeTable writes", () => {
  expect(decodeTable(encodeTable(table))).toEqual(table);
});

test("decodeTable reads what the kernel sends", () => {
  expect(payloads("list", "received", "NEWTABLE").map(decodeTable)).toEqual([
    { family: 1, name: "cni_masquerade", flags: 0, use: 6, handle: 3n, userdata: comment },
  ]);
});

test("decodeTable refuses a message without its header", () => {
  expect(() => decodeTable(Uint8Array.of(1, 0))).toThrow("Cannot decode struct nfgenmsg: 2 bytes, must be at least 4");
});

test("addTable asks for a table that may be there already", () => {
  const [{ type, flags } = { type: 0, flags: 0 }] = captured("apply", "sent", "NEWTABLE");
  expect(addTable(table)).toMatchObject({ type, flags: flags & ~1, action: "add nftables table cni_masquerade" });
});

test("deleteTable is what the nft tool sends", () => {
  const [{ type, payload } = { type: 0, payload: new Uint8Array() }] = captured("delete", "sent", "DELTABLE");
  expect(deleteTable(table)).toEqual({ type, flags: 0, payload, action: "delete nftables table cni_masquerade" });
});

test("listTables asks as the nft tool does, and reads what the kernel sends", () => {
  const [sent] = captured("refused", "sent", "GETTABLE");
  const netlink = fakeNetlink({
    request: ({ type, flags, payload }) => {
      expect({ type, flags: flags | 1, payload }).toEqual({
        type: sent?.type,
        flags: sent?.flags,
        payload: sent?.payload,
      });
      return captured("list", "received", "NEWTABLE");
    },
  });
  expect(listTables(netlink)).toEqual([
    { family: 1, name: "cni_masquerade", flags: 0, use: 6, handle: 3n, userdata: comment },
  ]);
});
