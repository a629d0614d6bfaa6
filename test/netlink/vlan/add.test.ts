import { expect, test } from "vitest";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { addVlans } from "../../../src/netlink/vlan/add.ts";
import { hexOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const port = { index: 3, name: "veth0" };

const tagged = (id: number) => ({ id, pvid: false, untagged: false });

test.each([
  { capture: "add-vlan", vlans: [{ id: 100, pvid: true, untagged: true }], action: "add VLANs 100" },
  {
    capture: "add-vlan-range",
    vlans: [200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210].map(tagged),
    action: "add VLANs 200-210",
  },
])("addVlans() sends what `bridge vlan add` sends: $capture", ({ capture, vlans, action }) => {
  const netlink = new FakeNetlink();

  addVlans(netlink, port, vlans);

  const sent = lastOf(capture, "sent", RTM.SETLINK);
  expect(hexOf(netlink.onlyRequest.payload)).toBe(hexOf(sent.payload));
  expect(netlink.onlyRequest).toMatchObject({
    type: RTM.SETLINK,
    flags: sent.flags & ~1,
    action: `${action} to bridge port "veth0"`,
  });
});

test("addVlans() sends all in one request, and the PVID in no range", () => {
  const netlink = new FakeNetlink();

  addVlans(netlink, port, [
    tagged(99),
    { id: 100, pvid: true, untagged: true },
    tagged(101),
    tagged(102),
    tagged(4094),
  ]);

  expect(hexOf(netlink.onlyRequest.payload.subarray(28))).toBe(
    ["00006300", "06006400", "08006500", "10006600", "0000fe0f"].map((info) => `08000200${info}`).join(""),
  );
});
