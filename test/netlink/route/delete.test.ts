import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { deleteRoute } from "../../../src/netlink/route/delete.ts";
import { decodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const link = { index: 2, name: "eth0" };
const route = { destination: prefix("10.9.0.0/16"), gateway: address("10.2.0.1"), onlink: true, table: 1000 };

describe("deleteRoute()", () => {
  test("sends what `ip route delete` sends", () => {
    const netlink = new FakeNetlink();
    expect(deleteRoute(netlink, link, route)).toBe(true);
    const expected = decodeRoute(lastOf("delete-route", "sent", RTM.DELROUTE).payload);
    const header = { ...expected.header, table: 252 };
    expect(decodeRoute(netlink.onlyRequest.payload)).toEqual({ ...expected, header });
    const action = 'delete route 10.9.0.0/16 via 10.2.0.1 through link "eth0" in table 1000';
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.DELROUTE, action });
  });

  test.each([
    [ERRNO.ESRCH, false],
    [ERRNO.EPERM, "throws"],
  ])("says whether the route was there: errno %i", (errno, expected) => {
    const netlink = new FakeNetlink(() => {
      throw new NetlinkError("delete a route", { errno });
    });
    if (expected === "throws") expect(() => deleteRoute(netlink, link, route)).toThrow(NetlinkError);
    else expect(deleteRoute(netlink, link, route)).toBe(expected);
  });
});
