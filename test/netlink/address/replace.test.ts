import { expect, test } from "vitest";
import { decodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { replaceAddress } from "../../../src/netlink/address/replace.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const link = { index: 2, name: "eth0" };
const replaced = { prefix: prefix("10.1.0.2/24"), broadcast: address("10.1.0.255") };

test("replaceAddress() sends what `ip address replace` sends", () => {
  const netlink = new FakeNetlink();
  const sent = lastOf("replace-address", "sent", RTM.NEWADDR);

  replaceAddress(netlink, link, { ...replaced, seconds: 99.6 });

  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags: flags | 1 }).toEqual({ type: RTM.NEWADDR, flags: sent.flags });
  expect(action).toBe('replace address 10.1.0.2/24 on link "eth0"');
  expect(decodeLinkAddress(payload)).toEqual(decodeLinkAddress(sent.payload));
});

test.each([
  [Infinity, 0xffffffff],
  [0.2, 1],
  [-7, 1],
])("replaceAddress() has the kernel keep an address of %d s for %d s: 0 would be refused", (seconds, valid) => {
  const netlink = new FakeNetlink();
  replaceAddress(netlink, link, { ...replaced, seconds });
  expect(decodeLinkAddress(netlink.onlyRequest.payload).attributes.lifetime).toMatchObject({ preferred: valid, valid });
});

test.each([
  [Infinity, 0xffffffff],
  [40, 40],
  [0, 0],
  [200, 100],
])("replaceAddress() lets new connections use an address of 100 s for %d s by %d", (preferredSeconds, preferred) => {
  const netlink = new FakeNetlink();
  const seconds = preferredSeconds === Infinity ? Infinity : 100;
  replaceAddress(netlink, link, { ...replaced, seconds, preferredSeconds });
  expect(decodeLinkAddress(netlink.onlyRequest.payload).attributes.lifetime).toMatchObject({ preferred });
});
