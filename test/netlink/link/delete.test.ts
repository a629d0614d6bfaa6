import { expect, test } from "vitest";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("deleteLink() sends what `ip link delete` sends", () => {
  const netlink = new FakeNetlink();

  deleteLink(netlink, { index: 4, name: "veth0" });

  const { type, payload, action } = netlink.onlyRequest;
  expect(type).toBe(RTM.DELLINK);
  expect(hexOf(payload)).toBe(hexOf(lastOf("delete-link", "sent", RTM.DELLINK).payload));
  expect(action).toBe('delete link "veth0"');
});
