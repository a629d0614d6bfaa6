import { expect, test } from "vitest";
import { deleteRoute } from "../../../src/netlink/route/delete.ts";
import { decodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

test("deleteRoute() sends what `ip route delete` sends", () => {
  const netlink = new FakeNetlink();
  const sent = decodeRoute(lastOf("delete-route", "sent", RTM.DELROUTE).payload);
  const route = { destination: prefix("10.9.0.0/16"), gateway: address("10.2.0.1"), table: 1000 };

  deleteRoute(netlink, { index: 2, name: "eth0" }, route);

  const { type, payload, action } = netlink.onlyRequest;
  expect({ type, action }).toEqual({
    type: RTM.DELROUTE,
    action: 'delete route 10.9.0.0/16 via 10.2.0.1 through link "eth0" in table 1000',
  });
  expect(decodeRoute(payload).attributes).toEqual(sent.attributes);
  expect(decodeRoute(payload).header).toMatchObject({ scope: sent.header.scope, destinationLength: 16 });
});
