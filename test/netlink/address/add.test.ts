import { expect, test } from "vitest";
import { addAddress, type NewAddress } from "../../../src/netlink/address/add.ts";
import { decodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const link = { index: 2, name: "eth0" };

const cases: readonly { capture: string; added: NewAddress; action: string }[] = [
  {
    capture: "add-address",
    added: { prefix: prefix("10.1.0.2/24"), broadcast: address("10.1.0.255") },
    action: 'add address 10.1.0.2/24 to link "eth0"',
  },
  {
    capture: "add-address6",
    added: { prefix: prefix("fd00::2/64") },
    action: 'add address fd00::2/64 to link "eth0"',
  },
  {
    capture: "add-address6-nodad",
    added: { prefix: prefix("fd00::3/64"), withoutDad: true, withoutRoute: true },
    action: 'add address fd00::3/64 to link "eth0"',
  },
];

test.each(cases)("addAddress() sends what `ip address add` sends: $capture", ({ capture, added, action }) => {
  const netlink = new FakeNetlink();
  const sent = lastOf(capture, "sent", RTM.NEWADDR);

  addAddress(netlink, link, added);

  const { type, flags, payload, action: text } = netlink.onlyRequest;
  expect({ type, flags: flags | 1, action: text }).toEqual({ type: RTM.NEWADDR, flags: sent.flags, action });
  const { header, attributes } = decodeLinkAddress(sent.payload);
  // `ip` writes the flags that fit into the structure as well; the attribute counts.
  expect(decodeLinkAddress(payload)).toEqual({ header: { ...header, flags: 0 }, attributes });
});

test("addAddress() gives an address the scope asked for", () => {
  const netlink = new FakeNetlink();

  addAddress(netlink, link, { prefix: prefix("169.254.1.1/32"), scope: 253 });

  expect(decodeLinkAddress(netlink.onlyRequest.payload).header.scope).toBe(253);
});
