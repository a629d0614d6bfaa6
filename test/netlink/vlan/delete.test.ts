import { expect, test } from "vitest";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { deleteVlans } from "../../../src/netlink/vlan/delete.ts";
import { hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test.each([
  { capture: "delete-vlan", ids: [1], text: "1" },
  { capture: "delete-vlan-range", ids: [205, 206, 207], text: "205-207" },
  { capture: "delete-vlan-missing", ids: [7], text: "7" },
])("deleteVlans() sends what `bridge vlan delete` sends: $capture", ({ capture, ids, text }) => {
  const netlink = new FakeNetlink();

  deleteVlans(netlink, { index: 3, name: "veth0" }, ids);

  const sent = lastOf(capture, "sent", RTM.DELLINK);
  expect(hexOf(netlink.onlyRequest.payload)).toBe(hexOf(sent.payload));
  expect(netlink.onlyRequest).toMatchObject({
    type: RTM.DELLINK,
    flags: sent.flags & ~1,
    action: `delete VLANs ${text} from bridge port "veth0"`,
  });
});
