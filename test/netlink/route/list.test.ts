import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { getRoute, listRoutes, listRoutesWithin } from "../../../src/netlink/route/list.ts";
import { decodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address, prefix } from "../text.ts";

const kernel = (name: string) => new FakeNetlink(() => captured(name, "received", RTM.NEWROUTE));
const refusing = (errno: number) =>
  new FakeNetlink((request) => {
    throw new NetlinkError(request.action, { errno });
  });

describe("listRoutes()", () => {
  test("asks for the main table of one family, as `ip route show` does", () => {
    const netlink = kernel("list-routes6");

    const routes = listRoutes(netlink, { family: 6 });

    expect(routes.map(({ destination }) => formatPrefix(destination))).toEqual(["fd00::/64", "fd01::/64", "fe80::/64"]);
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETROUTE, flags: NLM_F.DUMP });
    expect(decodeRoute(netlink.onlyRequest.payload)).toEqual(
      decodeRoute(lastOf("list-routes6", "sent", RTM.GETROUTE).payload),
    );
  });

  test("asks for another table, and for one link", () => {
    const netlink = kernel("list-routes-table");

    expect(listRoutes(netlink, { family: 4, table: 1000, index: 2 })).toHaveLength(1);
    expect(decodeRoute(netlink.onlyRequest.payload).attributes).toEqual({ table: 1000, index: 2 });
  });

  test("leaves out other tables' and links' that a kernel without filters sends as well", () => {
    expect(listRoutes(kernel("list-routes-table"), { family: 4 })).toEqual([]);
    expect(listRoutes(kernel("list-routes"), { family: 4, index: 3 })).toEqual([]);
  });

  test("keeps a route with several ways where one is the link's", () => {
    expect(listRoutes(kernel("list-routes6"), { family: 6, index: 2 })).toHaveLength(3);
  });

  test("finds none in a table that nobody has used", () => {
    expect(listRoutes(refusing(2), { family: 4, table: 77 })).toEqual([]);
  });

  test("throws any other refusal", () => {
    expect(() => listRoutes(refusing(1), { family: 4 })).toThrow(
      "Cannot list the IPv4 routes of table 254: Operation not permitted",
    );
  });
});

describe("listRoutesWithin()", () => {
  const within = (name: string, text: string) =>
    listRoutesWithin(kernel(name), prefix(text)).map(({ destination }) => formatPrefix(destination));

  test("finds the routes to a subnet and to its parts, and no wider ones", () => {
    expect(within("list-routes6", "fd00::/63")).toEqual(["fd00::/64"]);
    expect(within("list-routes6", "fd00::/64")).toEqual(["fd00::/64"]);
    expect(within("list-routes6", "fd00::/15")).toEqual(["fd00::/64", "fd01::/64"]);
    expect(within("list-routes6", "::/0")).toHaveLength(3);
    expect(within("list-routes6", "fd00::/65")).toEqual([]);
  });

  test("finds none in a table that nobody has used", () => {
    expect(listRoutesWithin(refusing(2), prefix("10.0.0.0/8"), { table: 77 })).toEqual([]);
  });
});

describe("getRoute()", () => {
  test("asks where an address leads, as `ip route get` does", () => {
    const netlink = kernel("get-route");

    expect(getRoute(netlink, address("8.8.8.8"))).toMatchObject({
      index: 2,
      gateway: address("10.1.0.1"),
      preferredSource: address("10.1.0.2"),
    });
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETROUTE, flags: 0 });
    expect(decodeRoute(netlink.onlyRequest.payload)).toMatchObject({
      header: { family: 2, destinationLength: 32 },
      attributes: { destination: address("8.8.8.8") },
    });
  });

  test("throws what the kernel says", () => {
    expect(() => getRoute(refusing(101), address("fd00::1"))).toThrow(
      "Cannot find a route to fd00::1: Network is unreachable",
    );
  });
});
