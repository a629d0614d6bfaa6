import { expect, test } from "vitest";
import { readDevice } from "../../../src/netlink/link/device.ts";
import { LINK_HEADER_SIZE } from "../../../src/netlink/link/header.ts";
import { addOtherName, deleteOtherName } from "../../../src/netlink/link/other-names.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { contentOf, lastOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("readDevice() reads the names of a link besides its own", () => {
  expect(readDevice(linkIn("get-other-names", "veth0").payload).otherNames).toEqual(["ens1", "enp0s1"]);
  expect(readDevice(linkIn("get-port", "veth0").payload).otherNames).toEqual([]);
});

test.each([
  ["add-other-name", RTM.NEWLINKPROP, addOtherName, 'add the name "ens1" of link "veth0"'],
  ["delete-other-name", RTM.DELLINKPROP, deleteOtherName, 'delete the name "ens1" of link "veth0"'],
])("%s is what `ip` sends", (name, type, change, action) => {
  const sent = lastOf(name, "sent", type);
  const netlink = new FakeNetlink();
  change(netlink, { index: new DataView(sent.payload.slice().buffer).getInt32(4, true), name: "veth0" }, "ens1");
  expect(netlink.onlyRequest).toMatchObject({ type, action });
  expect(contentOf(netlink.onlyRequest.payload, LINK_HEADER_SIZE)).toEqual(contentOf(sent.payload, LINK_HEADER_SIZE));
});
