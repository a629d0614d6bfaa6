import { describe, expect, test } from "vitest";
import { decodeAddress, encodeAddress } from "../../src/ip/address.ts";
import { chooseOutdated, currentAddresses, isOutdated, keyOf } from "../../src/netfilter/outdated.ts";
import { type OwnedElement, ownedElement } from "../../src/netfilter/owned-elements.ts";
import { type Attachment, ownerKey } from "../../src/netfilter/owner.ts";
import { OWN_TABLES } from "../../src/netfilter/tables.ts";
import { address } from "../netlink/text.ts";
import { addressSet } from "./owned-tables.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };
const unknown = { ...one, containerId: "three" };
const addresses = ["10.88.0.2", "fd00:88::2"].map(address);

/** Attachment "one" has two addresses, "two" has none, and those of "three" are not known. */
const current = currentAddresses("net1", [
  { ...one, addresses },
  { ...two, addresses: [] },
  { ...unknown, addresses: undefined },
]);

test("currentAddresses() has the attachments whose addresses are known", () => {
  expect(current).toEqual({
    owners: [one, two],
    addresses: new Map([
      [ownerKey(one), addresses],
      [ownerKey(two), []],
    ]),
  });
});

test.each([
  { owner: one, text: "10.88.0.2", expected: false },
  { owner: one, text: "fd00:88::2", expected: false },
  { owner: one, text: "10.88.0.3", expected: true },
  { owner: two, text: "10.88.0.2", expected: true },
  { owner: unknown, text: "10.88.0.2", expected: false },
])("isOutdated() of $text of container $owner.containerId is $expected", ({ owner, text, expected }) => {
  expect(isOutdated(current, ownerKey(owner), address(text))).toBe(expected);
});

const SET = addressSet(OWN_TABLES.firewall);
/** Stands for elements that have no address in their key, such as an interface. */
const PLACE: OwnedElement["set"] = { ...SET, name: "places" };
const element = (owner: Attachment, text: string) => ownedElement(owner, SET, { key: [encodeAddress(address(text))] });
const place = (owner: Attachment) => ownedElement(owner, PLACE, { key: [Uint8Array.of(0, 0, 0, 7)] });

describe("chooseOutdated()", () => {
  const valid = element(one, "10.88.0.2");
  const old = element(one, "10.88.0.9");
  const others = [element(unknown, "10.88.0.9"), place(unknown)];

  test.each([
    { title: "the outdated address", elements: [valid, old], chosen: [old] },
    {
      title: "the outdated address, and no place beside a valid one",
      elements: [place(one), old, valid],
      chosen: [old],
    },
    { title: "the place with the last address", elements: [place(one), old], chosen: [place(one), old] },
    { title: "no place without an address", elements: [place(one), place(two)], chosen: [] },
    { title: "nothing beside valid addresses", elements: [valid, place(one)], chosen: [] },
    { title: "nothing of an unknown attachment", elements: others, chosen: [] },
    {
      title: "each owner's by itself",
      elements: [valid, place(one), element(two, "10.88.0.3"), place(two), ...others],
      chosen: [element(two, "10.88.0.3"), place(two)],
    },
  ])("chooses $title", ({ elements, chosen }) => {
    const addressOf = ({ set, element: { key } }: OwnedElement) =>
      set === PLACE ? undefined : decodeAddress(key?.value ?? new Uint8Array());
    expect(chooseOutdated(elements, current, addressOf)).toEqual(chosen);
  });
});

test("keyOf() is the key in an element's comment, and empty without a comment", () => {
  const { set, element: owned } = place(one);
  expect(keyOf({ set, element: owned })).toBe(ownerKey(one));
  expect(keyOf({ set, element: { ...owned, userdata: [] } })).toBe("");
});
