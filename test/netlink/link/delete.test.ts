import { expect, test } from "vitest";
import { beginDeletion, deleteLink } from "../../../src/netlink/link/delete.ts";
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

test("beginDeletion() sends the same, and waits when it is told to", () => {
  const answered: string[] = [];
  const netlink = new FakeNetlink(({ action }) => {
    answered.push(action);
    return [];
  });

  const { finish } = beginDeletion(netlink, { index: 4, name: "veth0" });

  expect(hexOf(netlink.onlyRequest.payload)).toBe(hexOf(lastOf("delete-link", "sent", RTM.DELLINK).payload));
  expect(answered).toEqual([]);
  finish();
  expect(answered).toEqual(['delete link "veth0"']);
});
