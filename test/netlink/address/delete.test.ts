import { expect, test } from "vitest";
import { deleteAddress } from "../../../src/netlink/address/delete.ts";
import { decodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

test("deleteAddress() sends what `ip address delete` sends", () => {
  const netlink = new FakeNetlink();
  const sent = lastOf("delete-address", "sent", RTM.DELADDR);

  deleteAddress(netlink, { index: 2, name: "eth0" }, prefix("10.1.0.2/24"));

  const { type, payload, action } = netlink.onlyRequest;
  expect({ type, action }).toEqual({ type: RTM.DELADDR, action: 'delete address 10.1.0.2/24 from link "eth0"' });
  const expected = decodeLinkAddress(sent.payload);
  // `ip` leaves IFA_ADDRESS to the kernel here.
  expect(decodeLinkAddress(payload)).toEqual({
    ...expected,
    attributes: { address: address("10.1.0.2"), ...expected.attributes },
  });
});
