import { expect, test } from "vitest";
import { encodeAddress, parseAddress } from "../../../src/ip/address.ts";
import { encodeMac } from "../../../src/ip/mac.ts";
import { concatenate, formatKey, ifname, keyType, split } from "../../../src/netfilter/nftables/datatype.ts";
import { decodeElement, decodeElementList } from "../../../src/netfilter/nftables/element.ts";
import { u8, u16be } from "../../../src/netlink/codec.ts";
import { hex, payloads } from "../captured.ts";

const [pair, mapping] = payloads("sets", "sent", "NEWSETELEM").map((bytes) => {
  const [element = new Uint8Array()] = decodeElementList(bytes).elements ?? [];
  return decodeElement(element);
});

function address(text: string): Uint8Array {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return encodeAddress(parsed);
}

test("concatenate writes keys and data as the nft tool does", () => {
  const key = concatenate([ifname.encode("veth1"), encodeMac("02:00:00:00:00:01")]);
  expect(hex(key)).toBe(hex(pair?.key?.value ?? key.subarray(1)));
  const from = concatenate([address("10.0.0.1"), u8.encode(6), u16be.encode(8080)]);
  expect(hex(from)).toBe(hex(mapping?.key?.value ?? from.subarray(1)));
  const to = concatenate([address("10.88.0.2"), u16be.encode(80)]);
  expect(hex(to)).toBe(hex(mapping?.data?.value ?? to.subarray(1)));
});

test("concatenate leaves a part that is alone as it is", () => {
  expect(concatenate([u8.encode(6)])).toEqual(Uint8Array.of(6));
});

test("split is the mirror image of concatenate", () => {
  const parts = split(mapping?.key?.value ?? new Uint8Array(), ["ipv4_addr", "inet_proto", "inet_service"]);
  expect(parts).toEqual([address("10.0.0.1"), u8.encode(6), u16be.encode(8080)]);
  expect(() => split(Uint8Array.of(1), ["ipv4_addr"])).toThrow("Cannot split 1 bytes: ipv4_addr has 4");
});

test("keyType counts whole registers for the parts of a concatenation", () => {
  expect(keyType(["inet_proto"]).size).toBe(1);
  expect(keyType(["inet_proto", "ether_addr"]).size).toBe(12);
});

test("ifname ends at its first NUL, and longer names are cut", () => {
  expect(ifname.decode(ifname.encode("veth1"))).toBe("veth1");
  expect(ifname.encode("a-name-that-is-too-long")).toHaveLength(16);
});

test("formatKey shows keys as the nft tool does, numbers for names apart", () => {
  const from = mapping?.key?.value ?? new Uint8Array();
  expect(formatKey(from, ["ipv4_addr", "inet_proto", "inet_service"])).toBe("10.0.0.1 . 6 . 8080");
  expect(formatKey(pair?.key?.value ?? from, ["ifname", "ether_addr"])).toBe("veth1 . 02:00:00:00:00:01");
  expect(formatKey(Uint8Array.of(0, 0x20, 0, 0), ["mark"])).toBe("8192");
});
