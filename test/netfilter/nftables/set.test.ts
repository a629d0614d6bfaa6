import { expect, test } from "vitest";
import {
  addSet,
  decodeSet,
  deleteSet,
  encodeSet,
  hasSet,
  listSets,
  type NamedSet,
  NFT_SET,
  type SetSpec,
  typedSet,
} from "../../../src/netfilter/nftables/set.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { captured, hex, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const place = { family: 1, table: "cni_masquerade" };
const maps = [
  typedSet({ ...place, name: "sources4", key: ["ipv4_addr"], data: "verdict", id: 1 }),
  typedSet({ ...place, name: "sources6", key: ["ipv6_addr"], data: "verdict", id: 2 }),
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

test("deleteSet names the set alone", () => {
  const { payload, action } = deleteSet({ ...place, name: "sources4" });
  expect(decodeSet(payload)).toEqual({ ...place, name: "sources4" });
  expect(action).toBe("delete nftables set sources4 from table cni_masquerade");
});

test("listSets asks for a table's sets, and leaves out those of others", () => {
  const [request] = captured("iptables-filter", "sent", "GETSET");
  const sets = captured("list", "received", "NEWSET");
  const foreign = sets.map((message) => ({ ...message, payload: encodeSet({ ...place, table: "t", name: "s" }) }));
  const netlink = fakeNetlink({
    request: ({ type, flags, payload, action }) => {
      expect({ type, flags: flags | 1 }).toEqual({ type: request?.type, flags: request?.flags });
      expect(decodeSet(payload)).toEqual(place);
      expect(action).toBe("list the sets of nftables table cni_masquerade");
      return [...sets, ...foreign];
    },
  });
  expect(listSets(netlink, place).map(({ name }) => name)).toEqual(["sources4", "sources6"]);
});

/** A kernel that refuses every question. */
const refusing = (errno: number) =>
  fakeNetlink({
    request: ({ action }) => {
      throw new NetlinkError(action, { errno });
    },
  });

test("listSets finds none where there is no such table, and throws any other refusal", () => {
  expect(listSets(refusing(ERRNO.ENOENT), place)).toEqual([]);
  expect(() => listSets(refusing(ERRNO.EPERM), place)).toThrow("Cannot list the sets of nftables table cni_masquerade");
});

test("hasSet is false where the kernel knows no such set or table, and does not guess otherwise", () => {
  const netlink = fakeNetlink({
    request: ({ payload }) => {
      expect(decodeSet(payload)).toEqual({ ...place, name: "sources4" });
      return [];
    },
  });
  expect(hasSet(netlink, { ...place, name: "sources4" })).toBe(true);
  expect(hasSet(refusing(ERRNO.ENOENT), { ...place, name: "sources4" })).toBe(false);
  expect(() => hasSet(refusing(ERRNO.EPERM), { ...place, name: "sources4" })).toThrow(
    "Cannot find nftables set sources4 in table cni_masquerade: Operation not permitted",
  );
});

/** The sets of test/captures/nftables/sets.nft, in its order. */
const KINDS: readonly Omit<SetSpec, "family" | "table" | "id">[] = [
  { name: "names", key: ["ifname"] },
  { name: "macs", key: ["ether_addr"] },
  { name: "ports", key: ["inet_service"] },
  { name: "protocols", key: ["inet_proto"] },
  { name: "marks", key: ["mark"] },
  { name: "subnets4", key: ["ipv4_addr"], flags: NFT_SET.INTERVAL },
  { name: "pairs", key: ["ifname", "ether_addr"] },
  { name: "triples", key: ["ipv6_addr", "inet_proto", "inet_service"] },
  {
    name: "published",
    key: ["ipv4_addr", "inet_proto", "inet_service"],
    data: ["ipv4_addr", "inet_service"],
  },
  { name: "owners", key: ["ifname"], data: ["ether_addr"] },
  { name: "verdicts", key: ["ifname"], data: "verdict" },
];

/** NFTNL_UDATA_SET_KEY_TYPEOF and _DATA_TYPEOF: the tool adds them to concatenations, empty, and does without when it reads. */
const TYPEOF = [3, 4];

function withoutTypeof(bytes: Uint8Array): NamedSet {
  const set = decodeSet(bytes);
  return { ...set, userdata: (set.userdata ?? []).filter(({ type }) => !TYPEOF.includes(type)) };
}

test("typedSet is what the nft tool sends for each type, concatenations and kind of data", () => {
  const sent = payloads("sets", "sent", "NEWSET").map((bytes) => hex(encodeSet(withoutTypeof(bytes))));
  const ours = KINDS.map((kind, index) => typedSet({ family: 1, table: "kinds", ...kind, id: index + 1 }));
  expect(ours.map((set) => hex(encodeSet(set)))).toEqual(sent);
});
