import { expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { listAddresses } from "../../../src/netlink/address/list.ts";
import { decodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

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
