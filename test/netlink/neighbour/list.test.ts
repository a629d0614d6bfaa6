import { expect, test } from "vitest";
import { NLM_F } from "../../../src/netlink/message.ts";
import { listNeighbours } from "../../../src/netlink/neighbour/list.ts";
import { decodeNeighbour } from "../../../src/netlink/neighbour/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const answer = () => captured("list-neighbours", "received", RTM.NEWNEIGH);

test("listNeighbours() asks for those of one link, as `ip neighbour show dev` does", () => {
  const netlink = new FakeNetlink(answer);
  const sent = decodeNeighbour(lastOf("list-neighbours", "sent", RTM.GETNEIGH).payload);

  expect(listNeighbours(netlink, { index: 2, name: "eth0" }, 4)).toMatchObject([{ mac: "02:00:00:00:00:08" }]);
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETNEIGH, flags: NLM_F.DUMP });
  expect(decodeNeighbour(netlink.onlyRequest.payload)).toEqual(sent);
});

test("listNeighbours() leaves out other links' that a kernel without filters sends as well", () => {
  expect(listNeighbours(new FakeNetlink(answer), { index: 3, name: "eth1" }, 4)).toEqual([]);
});
