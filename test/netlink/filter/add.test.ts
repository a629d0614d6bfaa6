import { expect, test } from "vitest";
import { addRedirect } from "../../../src/netlink/filter/add.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("addRedirect() sends what `tc filter add … action mirred egress redirect` sends", () => {
  const netlink = new FakeNetlink();
  const sent = lastOf("add-redirect", "sent", RTM.NEWTFILTER);

  addRedirect(netlink, { index: 2, name: "veth0" }, { index: 3, name: "ifb0" });

  const { flags, payload, ...rest } = netlink.onlyRequest;
  expect({ flags: flags | 1, ...rest }).toEqual({
    flags: sent.flags,
    type: RTM.NEWTFILTER,
    action: 'redirect what link "veth0" receives to link "ifb0"',
  });
  expect(hexOf(payload)).toBe(hexOf(sent.payload));
});
