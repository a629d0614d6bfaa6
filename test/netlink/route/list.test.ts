import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { findRoute, getRoute, listRoutes, listRoutesWithin } from "../../../src/netlink/route/list.ts";
import { decodeRoute, readRoute } from "../../../src/netlink/route/message.ts";
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

  test("decodes no routes but those to the destinations that it is asked for", () => {
    const keptOf = (name: string, ...wanted: readonly string[]) => {
      const netlink = kernel(name);
      const family = name.endsWith("6") ? 6 : 4;
      listRoutes(netlink, { family, destinations: wanted.map(prefix) });
      const { keep } = netlink.onlyRequest;
      return captured(name, "received", RTM.NEWROUTE)
        .filter(({ payload }) => keep?.(payload))
        .map(({ payload }) => formatPrefix(readRoute(payload).destination));
    };
    expect(keptOf("list-routes", "10.8.0.0/16")).toEqual(["10.8.0.0/16"]);
    expect(keptOf("list-routes", "10.8.0.0/16", "10.1.0.9/24")).toEqual(["10.1.0.0/24", "10.8.0.0/16"]);
    expect(keptOf("list-routes", "0.0.0.0/0")).toEqual(["0.0.0.0/0"]);
    expect(keptOf("list-routes", "10.8.0.0/15", "10.9.0.0/16")).toEqual([]);
    expect(keptOf("list-routes6", "fd00::/64", "fd01::/65")).toEqual(["fd00::/64"]);
  });

  test("keeps a route with several ways only where one of them is the link's", () => {
    expect(listRoutes(kernel("list-routes6"), { family: 6, index: 7 })).toEqual([]);
  });

  test("throws what is no answer of the kernel's", () => {
    const failure = Object.assign(new Error("a bug"), { errno: 2 });
    const broken = new FakeNetlink(() => {
      throw failure;
    });
    expect(() => listRoutes(broken, { family: 4 })).toThrow(failure);
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

  test("asks for the main table of the subnet's family, or for another table", () => {
    const netlink = kernel("list-routes-table");
    expect(listRoutesWithin(netlink, prefix("10.0.0.0/8"))).toEqual([]);
    const { type, flags, payload, action } = netlink.onlyRequest;
    expect({ type, flags, action }).toEqual({
      type: RTM.GETROUTE,
      flags: NLM_F.DUMP,
      action: "list the IPv4 routes of table 254",
    });
    const { header, attributes } = decodeRoute(payload);
    expect([header.family, attributes]).toEqual([2, { table: 254 }]);
    expect(listRoutesWithin(kernel("list-routes-table"), prefix("10.0.0.0/8"), { table: 1000 })).toHaveLength(1);
  });

  test("decodes no routes that cannot be within the subnet", () => {
    const keptOf = (text: string) => {
      const netlink = kernel("list-routes6");
      listRoutesWithin(netlink, prefix(text));
      const { keep } = netlink.onlyRequest;
      return captured("list-routes6", "received", RTM.NEWROUTE)
        .filter(({ payload }) => keep?.(payload))
        .map(({ payload }) => formatPrefix(readRoute(payload).destination));
    };
    expect(keptOf("fe80::/64")).toEqual(["fe80::/64"]);
    expect(keptOf("fd01::/16")).toEqual(["fd01::/64"]);
    // The subnet's whole bytes are those of its first eight bits.
    expect(keptOf("fd00::/15")).toEqual(["fd00::/64", "fd01::/64"]);
    expect(keptOf("::/0")).toHaveLength(3);
    expect(keptOf("fd00::/65")).toEqual([]);
    const other = kernel("list-routes6");
    listRoutesWithin(other, prefix("::/0"));
    expect(other.onlyRequest.keep?.(new Uint8Array())).toBe(true);
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

  test("throws ENETUNREACH where the kernel says nothing", () => {
    expect(() => getRoute(new FakeNetlink(), address("fd00::1"))).toThrow(
      new NetlinkError("find a route to fd00::1", { errno: 101 }),
    );
  });

  test("throws what the kernel says", () => {
    expect(() => getRoute(refusing(101), address("fd00::1"))).toThrow(
      "Cannot find a route to fd00::1: Network is unreachable",
    );
  });
});

describe("findRoute()", () => {
  test("is what getRoute() gets, of the table if it is asked for that", () => {
    const netlink = kernel("get-route-whole");
    expect(findRoute(netlink, address("192.0.2.1"), { whole: true })).toMatchObject({ gateway: address("10.1.0.1") });
    // RTM_F_FIB_MATCH
    expect(decodeRoute(netlink.onlyRequest.payload).header.flags).toBe(0x2000);
    const named = kernel("get-route-whole");
    findRoute(named, address("192.0.2.1"), { whole: true, table: true });
    // and RTM_F_LOOKUP_TABLE
    expect(decodeRoute(named.onlyRequest.payload).header.flags).toBe(0x3000);
    const six = kernel("get-route-whole");
    findRoute(six, address("fd00::1"), { whole: true, table: true });
    // IPv6 refuses RTM_F_LOOKUP_TABLE.
    expect(decodeRoute(six.onlyRequest.payload).header.flags).toBe(0x2000);
    const other = kernel("get-route");
    findRoute(other, address("8.8.8.8"));
    expect(decodeRoute(other.onlyRequest.payload).header.flags).toBe(0);
  });

  test.each([101, 113, 13, 22])("is undefined where no route leads there: errno %i", (errno) => {
    expect(findRoute(refusing(errno), address("8.8.8.8"))).toBeUndefined();
  });

  test("throws any other refusal", () => {
    expect(() => findRoute(refusing(1), address("8.8.8.8"))).toThrow("Operation not permitted");
  });
});
