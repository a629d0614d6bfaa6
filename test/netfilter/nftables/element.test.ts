import { expect, test } from "vitest";
import { NFT } from "../../../src/netfilter/nftables/data.ts";
import {
  addElement,
  createElement,
  decodeElement,
  decodeElementList,
  deleteElement,
  encodeElement,
  encodeElementList,
  findElement,
  listElements,
} from "../../../src/netfilter/nftables/element.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { decodeAcknowledgement, NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { captured, hex, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const set = { family: 1, table: "cni_masquerade", name: "sources4" };
const comment = "6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one";
const element = {
  key: { value: Uint8Array.of(10, 88, 0, 2) },
  data: { verdict: { code: NFT.GOTO, chain: "to_10.88.0.0/16" } },
  userdata: commented("element", comment),
};
const labelled = { ...element, label: "10.88.0.2" };
const lists = payloads("apply", "sent", "NEWSETELEM");

test("encodeElement and encodeElementList write what the nft tool sends", () => {
  const list = { family: 1, table: set.table, set: set.name, setId: 1, elements: [encodeElement(element)] };
  expect(hex(encodeElementList(list))).toBe(lists.map(hex)[0]);
});

test("decodeElement and decodeElementList read it", () => {
  const [list] = lists.map(decodeElementList);
  expect(list).toMatchObject({ family: 1, table: set.table, set: set.name, setId: 1 });
  expect(list?.elements?.map(decodeElement)).toEqual([element]);
});

test("decodeElement and decodeElementList read what the kernel sends", () => {
  const found = payloads("list", "received", "NEWSETELEM").map(decodeElementList);
  expect(found.map((list) => [list.set, list.elements?.length])).toEqual([
    ["sources4", 2],
    ["sources4", 0],
    ["sources6", 1],
    ["sources6", 0],
  ]);
  const elements = found.flatMap((list) => list.elements?.map(decodeElement) ?? []);
  expect(elements).toContainEqual(element);
});

test("createElement is what the nft tool sends for `create element`, but for the set's number in the transaction", () => {
  const [sent] = captured("apply", "sent", "NEWSETELEM");
  const { type, flags, payload, action } = createElement(set, labelled);
  expect({ type, flags, ...decodeElementList(payload), setId: 1 }).toEqual({
    type: sent?.type,
    flags: (sent?.flags ?? 0) & ~1,
    ...decodeElementList(sent?.payload ?? new Uint8Array()),
  });
  expect(action).toBe("add element 10.88.0.2 to nftables set sources4 of table cni_masquerade");
});

test("addElement is the same, and changes nothing if an equal element exists", () => {
  const created = createElement(set, labelled);
  const NLM_F_EXCL = 0x200;
  expect(addElement(set, labelled)).toEqual({ ...created, flags: created.flags & ~NLM_F_EXCL });
  expect(created.flags & NLM_F_EXCL).toBe(NLM_F_EXCL);
});

test("deleteElement is what the nft tool sends: the key alone", () => {
  const [{ type, payload } = { type: 0, payload: new Uint8Array() }] = captured("delete", "sent", "DELSETELEM");
  const action = "delete element 10.88.0.2 from nftables set sources4 of table cni_masquerade";
  expect(deleteElement(set, labelled)).toEqual({ type, flags: 0, payload, action });
});

test("findElement asks for one key and decodes the answer", () => {
  const netlink = fakeNetlink({
    request: ({ flags, payload }) => {
      expect(flags).toBe(0);
      expect(decodeElementList(payload).elements?.map(decodeElement)).toEqual([{ key: element.key }]);
      return captured("get", "received", "NEWSETELEM").slice(-1);
    },
  });
  expect(findElement(netlink, set, labelled)).toEqual(element);
});

test("findElement and listElements find nothing where the kernel says ENOENT, and throw any other refusal", () => {
  const refusals = captured("refused", "received", "ERROR").map(decodeAcknowledgement);
  const kernel = (refusal = refusals[0]) =>
    fakeNetlink({
      request: ({ action }) => {
        throw new NetlinkError(action, refusal ?? { errno: 0 });
      },
    });
  expect(findElement(kernel(refusals[1]), set, labelled)).toBeUndefined();
  expect(listElements(kernel(refusals[1]), set)).toEqual([]);
  expect(() => findElement(kernel(refusals[2]), set, labelled)).toThrow(
    "Cannot find element 10.88.0.2 in nftables set sources4 of table cni_masquerade: Device or resource busy",
  );
  expect(() => listElements(kernel(refusals[2]), set)).toThrow(
    "Cannot list the elements of nftables set sources4 of table cni_masquerade: Device or resource busy",
  );
});

test("listElements asks for one set and joins the elements of all messages", () => {
  const { family, table, name } = set;
  const netlink = fakeNetlink({
    request: ({ flags, payload }) => {
      expect(flags).toBe(0x300);
      expect(decodeElementList(payload)).toEqual({ family, table, set: name });
      const found = captured("list", "received", "NEWSETELEM");
      return [...found, ...found.slice(0, 1).map((message) => ({ ...message, payload }))];
    },
  });
  expect(listElements(netlink, set)).toHaveLength(3);
});

test("listElements leaves out those that do not hold the text", () => {
  const netlink = fakeNetlink({ request: () => captured("list", "received", "NEWSETELEM") });
  expect(listElements(netlink, set, "to_10.88.0.0/16")).toEqual([element]);
  expect(listElements(netlink, set, "to_10.99")).toEqual([]);
});
