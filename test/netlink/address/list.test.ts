import { expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import {
  findAddresses,
  findHolders,
  listAddresses,
  listAllAddresses,
  listFirstAddresses,
} from "../../../src/netlink/address/list.ts";
import { decodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const answer = () => captured("list-addresses", "received", RTM.NEWADDR);

test("listAddresses() asks for those of one link, as `ip address show dev` does", () => {
  const netlink = new FakeNetlink(answer);
  const sent = lastOf("list-addresses", "sent", RTM.GETADDR);

  const addresses = listAddresses(netlink, { index: 2, name: "eth0" });

  expect(addresses.map((address) => formatPrefix(address.prefix))).toEqual([
    "10.1.0.2/24",
    "fd00::3/64",
    "fd00::2/64",
    "fe80::ff:fe00:3/64",
  ]);
  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags: flags | 1 }).toEqual({ type: sent.type, flags: sent.flags });
  expect(hexOf(payload)).toBe(hexOf(sent.payload));
  expect(action).toBe('list the addresses of link "eth0"');
});

test("listAddresses() asks for one family", () => {
  const netlink = new FakeNetlink();

  listAddresses(netlink, { index: 2, name: "eth0" }, 6);

  expect(decodeLinkAddress(netlink.onlyRequest.payload).header.family).toBe(10);
});

test("listAddresses() leaves out other links' that a kernel without filters sends as well", () => {
  expect(listAddresses(new FakeNetlink(answer), { index: 3, name: "eth1" })).toEqual([]);
});

test("listAllAddresses() asks for those of all links, as `ip -4 address show` does", () => {
  const netlink = new FakeNetlink(answer);
  expect(listAllAddresses(netlink, 4)).toHaveLength(answer().length);
  expect(decodeLinkAddress(netlink.onlyRequest.payload).header).toMatchObject({ family: 2, index: 0 });
});

/** Those that the kernel has, and one that cannot be decoded: it has no address. */
function answerWithBroken() {
  const [first] = answer();
  if (first === undefined) throw new Error("The capture has addresses");
  return [...answer(), { ...first, payload: first.payload.slice(0, 8) }];
}

/** The addresses as text, and which of the kernel's messages were decoded. */
function found(list: (netlink: FakeNetlink) => ReturnType<typeof listAddresses>) {
  const netlink = new FakeNetlink(answerWithBroken);
  const addresses = list(netlink).map((each) => formatPrefix(each.prefix));
  const { keep } = netlink.onlyRequest;
  return { netlink, addresses, kept: answerWithBroken().filter(({ payload }) => keep?.(payload)).length };
}

const eth0 = { index: 2, name: "eth0" };

test("findAddresses() finds those of some prefixes that a link has, and decodes no others", () => {
  const wanted = ["10.1.0.2/24", "fd00::2/64", "fd00::9/64"].map(prefix);
  expect(found((netlink) => findAddresses(netlink, eth0, wanted))).toMatchObject({
    addresses: ["10.1.0.2/24", "fd00::2/64"],
    kept: 2,
  });
});

test("findAddresses() knows an address by its length, and from one that only speaks of it", () => {
  expect(found((netlink) => findAddresses(netlink, eth0, [prefix("10.1.0.2/25")]))).toMatchObject({ kept: 0 });
  // The broadcast address of 10.1.0.2/24
  expect(found((netlink) => findAddresses(netlink, eth0, [prefix("10.1.0.255/24")])).addresses).toEqual([]);
  expect(found((netlink) => findAddresses(netlink, { ...eth0, index: 3 }, [prefix("10.1.0.2/24")])).addresses).toEqual(
    [],
  );
});

test("findHolders() finds the links that have an address, whatever its length, and decodes no others", () => {
  const { netlink, ...rest } = found((each) => findHolders(each, address("10.1.0.2")));
  expect(rest).toEqual({ addresses: ["10.1.0.2/24"], kept: 1 });
  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags, action }).toEqual({ type: RTM.GETADDR, flags: NLM_F.DUMP, action: "find address 10.1.0.2" });
  expect(decodeLinkAddress(payload).header).toMatchObject({ family: 2, index: 0 });
  expect(found((each) => findHolders(each, address("10.1.0.255"))).addresses).toEqual([]);
});

test.each([0, 1, 3])("listFirstAddresses() decodes no more than the first %i", (count) => {
  const all = ["10.1.0.2/24", "fd00::3/64", "fd00::2/64"];
  expect(found((netlink) => listFirstAddresses(netlink, eth0, count)).addresses).toEqual(all.slice(0, count));
});
