import { expect, test } from "vitest";
import { addNeighbour, replaceNeighbour } from "../../../src/netlink/neighbour/add.ts";
import { decodeNeighbour } from "../../../src/netlink/neighbour/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address } from "../text.ts";

test.each([
  { name: "add-neighbour", verb: addNeighbour, mac: "02:00:00:00:00:09", action: "add" },
  { name: "replace-neighbour", verb: replaceNeighbour, mac: "02:00:00:00:00:08", action: "replace" },
])("addNeighbour() and replaceNeighbour() send what `ip neighbour` sends: $name", ({ name, verb, mac, action }) => {
  const netlink = new FakeNetlink();
  const sent = lastOf(name, "sent", RTM.NEWNEIGH);

  verb(netlink, { index: 2, name: "eth0" }, { address: address("10.1.0.9"), mac });

  const { flags, payload, ...rest } = netlink.onlyRequest;
  expect({ flags: flags | 1, ...rest }).toEqual({
    flags: sent.flags,
    type: RTM.NEWNEIGH,
    action: `${action} neighbour 10.1.0.9 on link "eth0"`,
  });
  expect(decodeNeighbour(payload)).toEqual(decodeNeighbour(sent.payload));
});
