import { expect, test } from "vitest";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { listVlans } from "../../../src/netlink/vlan/list.ts";
import { captured, hexOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const answer = () => captured("list-vlans", "received", RTM.NEWVLAN);

test("listVlans() reads what `bridge -details vlan show` reads, ranges spelled out", () => {
  const netlink = new FakeNetlink(answer);

  const vlans = listVlans(netlink, { index: 3, name: "veth0" });

  expect(vlans.map(({ id }) => id)).toEqual([100, 200, 201, 202, 203, 204, 208, 209, 210]);
  expect(vlans.slice(0, 2)).toEqual([
    { id: 100, pvid: true, untagged: true },
    { id: 200, pvid: false, untagged: false },
  ]);
});

test("listVlans() asks for one link, and passes over others", () => {
  const netlink = new FakeNetlink(answer);

  expect(listVlans(netlink, { index: 2, name: "br0" })).toEqual([{ id: 1, pvid: true, untagged: true }]);

  expect(netlink.onlyRequest).toMatchObject({
    type: RTM.GETVLAN,
    flags: NLM_F.DUMP,
    action: 'list the VLANs of "br0"',
  });
  expect(hexOf(netlink.onlyRequest.payload)).toBe("0700000002000000");
});
