import { describe, expect, test } from "vitest";
import { addRoute, type NewRoute } from "../../../src/netlink/route/add.ts";
import { decodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const link = { index: 2, name: "eth0" };

const cases: readonly { capture: string; route: NewRoute; action: string }[] = [
  {
    capture: "add-route",
    route: { destination: prefix("0.0.0.0/0"), gateway: address("10.1.0.1"), priority: 5, mtu: 1300, advmss: 1200 },
    action: 'add route 0.0.0.0/0 via 10.1.0.1 through link "eth0"',
  },
  {
    capture: "add-route-link",
    route: { destination: prefix("10.8.0.0/16"), scope: 253 },
    action: 'add route 10.8.0.0/16 through link "eth0"',
  },
  {
    capture: "add-route-table",
    route: { destination: prefix("10.9.0.0/16"), gateway: address("10.2.0.1"), onlink: true, table: 1000 },
    action: 'add route 10.9.0.0/16 via 10.2.0.1 through link "eth0" in table 1000',
  },
  {
    capture: "add-route6",
    route: { destination: prefix("fd01::/64"), gateway: address("fd00::a") },
    action: 'add route fd01::/64 via fd00::a through link "eth0"',
  },
];

describe("addRoute()", () => {
  test.each(cases)("sends what `ip route add` sends: $capture", ({ capture, route, action }) => {
    const netlink = new FakeNetlink();
    const sent = lastOf(capture, "sent", RTM.NEWROUTE);

    addRoute(netlink, link, route);

    const expected = decodeRoute(sent.payload);
    const header = { ...expected.header, table: expected.header.table === 0 ? 252 : expected.header.table };
    expect(decodeRoute(netlink.onlyRequest.payload)).toEqual({ ...expected, header });
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.NEWROUTE, action });
  });

  test("asks for a new route beside others, not for a replacement", () => {
    const netlink = new FakeNetlink();

    addRoute(netlink, link, { destination: prefix("10.8.0.0/16") });

    expect(netlink.onlyRequest.flags).toBe(0x404);
  });

  test.each([
    [{ mtu: 1300 }, { mtu: 1300 }],
    [{ advmss: 1200 }, { advmss: 1200 }],
    [{}, undefined],
  ])("says of metrics what it is told: %j", (metrics, expected) => {
    const netlink = new FakeNetlink();

    addRoute(netlink, link, { destination: prefix("10.8.0.0/16"), ...metrics });

    expect(decodeRoute(netlink.onlyRequest.payload).attributes.metrics).toEqual(expected);
  });

  test.each([
    [255, 255, undefined],
    [256, 252, 256],
  ])("has the table %i where it fits", (table, inHeader, attribute) => {
    const netlink = new FakeNetlink();

    addRoute(netlink, link, { destination: prefix("10.8.0.0/16"), table });

    const { header, attributes } = decodeRoute(netlink.onlyRequest.payload);
    expect([header.table, attributes.table]).toEqual([inHeader, attribute]);
  });

  test("clears the bits behind the prefix", () => {
    const netlink = new FakeNetlink();

    addRoute(netlink, link, { destination: prefix("10.8.1.2/16") });

    expect(decodeRoute(netlink.onlyRequest.payload).attributes.destination).toEqual(address("10.8.0.0"));
  });
});
