import { expect, test } from "vitest";
import { deleteNeighbour } from "../../../src/netlink/neighbour/delete.ts";
import { decodeNeighbour } from "../../../src/netlink/neighbour/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address } from "../text.ts";

test("deleteNeighbour() sends what `ip neighbour delete` sends", () => {
  const netlink = new FakeNetlink();
  const sent = decodeNeighbour(lastOf("delete-neighbour", "sent", RTM.DELNEIGH).payload);

  deleteNeighbour(netlink, { index: 2, name: "eth0" }, address("10.1.0.9"));

  const { type, payload, action } = netlink.onlyRequest;
  expect({ type, action }).toEqual({ type: RTM.DELNEIGH, action: 'delete neighbour 10.1.0.9 on link "eth0"' });
  // `ip` writes NUD_PERMANENT, which the kernel does not read.
  expect(decodeNeighbour(payload)).toEqual({ ...sent, header: { ...sent.header, state: 0 } });
});
