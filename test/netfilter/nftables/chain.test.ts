import { expect, test } from "vitest";
import {
  addChain,
  decodeChain,
  deleteChain,
  encodeChain,
  findChain,
  listBaseChains,
  NF_INET,
  NF_IP_PRI,
} from "../../../src/netfilter/nftables/chain.ts";
import { decodeAcknowledgement, NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { captured, hex, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const place = { family: 1, table: "cni_masquerade" };
const hook = { number: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC };
const chains = [
  { ...place, name: "postrouting", type: "nat", hook },
  { ...place, name: "to_10.88.0.0/16" },
  { ...place, name: "to_172.30.16.0/20" },
  { ...place, name: "to_fd00-88--/64" },
];

test("encodeChain writes what the nft tool sends", () => {
  expect(chains.map((chain) => hex(encodeChain(chain)))).toEqual(payloads("apply", "sent", "NEWCHAIN").map(hex));
});

test("decodeChain reads what encodeChain writes", () => {
  expect(chains.map((chain) => decodeChain(encodeChain(chain)))).toEqual(chains);
});

test("decodeChain reads what the kernel sends, and keeps what it does not know", () => {
  const counters = { type: 8, value: new Uint8Array(), nested: true };
  expect(payloads("list", "received", "NEWCHAIN").map(decodeChain)).toMatchObject([
    { ...place, name: "postrouting", handle: 1n, hook, policy: 1, type: "nat", flags: 1, use: 4 },
    { ...place, name: "to_10.88.0.0/16", handle: 2n, use: 3 },
    { ...place, name: "to_172.30.16.0/20", handle: 3n, use: 3 },
    { ...place, name: "to_fd00-88--/64", handle: 4n, use: 3 },
  ]);
  expect(decodeChain(encodeChain({ family: 1, name: "x", unknown: [counters] })).unknown).toEqual([counters]);
});

test("addChain asks for a chain that may be there already", () => {
  const [{ type, flags } = { type: 0, flags: 0 }] = captured("apply", "sent", "NEWCHAIN");
  const action = "add nftables chain to_10.88.0.0/16 to table cni_masquerade";
  expect(addChain({ ...place, name: "to_10.88.0.0/16" })).toMatchObject({ type, flags: flags & ~1, action });
});

test("deleteChain is what the nft tool sends", () => {
  const [{ type, payload } = { type: 0, payload: new Uint8Array() }] = captured("delete", "sent", "DELCHAIN");
  const action = "delete nftables chain to_10.88.0.0/16 from table cni_masquerade";
  expect(deleteChain({ ...place, name: "to_10.88.0.0/16" })).toEqual({ type, flags: 0, payload, action });
});

test("listBaseChains asks as the nft tool does, and lists the chains with a hook alone", () => {
  const [sent] = captured("apply", "sent", "GETCHAIN");
  const all = captured("iptables-filter", "received", "NEWCHAIN");
  const looksLikeOne = {
    ...place,
    name: "user",
    userdata: [{ type: 0, value: encodeChain({ family: 1, policy: 1 }) }],
  };
  const kept: number[] = [];
  const netlink = fakeNetlink({
    request: ({ type, flags, payload, action, keep }) => {
      expect({ type, flags: flags | 1, payload }).toMatchObject({
        type: sent?.type,
        flags: sent?.flags,
        payload: sent?.payload,
      });
      expect(action).toBe("list nftables chains");
      const [first = { type: 0, flags: 0, sequence: 0, port: 0 }] = all;
      const answers = [...all, { ...first, payload: encodeChain(looksLikeOne) }].filter((each) => keep?.(each.payload));
      kept.push(answers.length);
      return answers;
    },
  });
  expect(listBaseChains(netlink).map(({ name, policy }) => [name, policy])).toEqual([
    ["INPUT", 1],
    ["FORWARD", 0],
    ["OUTPUT", 1],
  ]);
  // Only these are decoded.
  expect([all.length, kept]).toEqual([7, [4]]);
});

test("findChain asks for the one chain and decodes the answer", () => {
  const answer = captured("list", "received", "NEWCHAIN").slice(1, 2);
  const asked: string[] = [];
  const netlink = fakeNetlink({
    request: ({ flags, payload, action }) => {
      asked.push(`${flags} ${decodeChain(payload).name}: ${action}`);
      return answer;
    },
  });
  expect(findChain(netlink, { ...place, name: "to_10.88.0.0/16" })).toMatchObject({ name: "to_10.88.0.0/16", use: 3 });
  expect(asked).toEqual(["0 to_10.88.0.0/16: find nftables chain to_10.88.0.0/16 in table cni_masquerade"]);
});

test("findChain finds nothing where the kernel says ENOENT, and throws any other refusal", () => {
  const refusals = captured("refused", "received", "ERROR").map(decodeAcknowledgement);
  const find = (refusal = refusals[0]) =>
    findChain(
      fakeNetlink({
        request: ({ action }) => {
          throw new NetlinkError(action, refusal ?? { errno: 0 });
        },
      }),
      { ...place, name: "x" },
    );
  expect(find(refusals[1])).toBeUndefined();
  expect(() => find(refusals[2])).toThrow(
    "Cannot find nftables chain x in table cni_masquerade: Device or resource busy",
  );
});
