import { describe, expect, test } from "vitest";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { ROUTE_HEADER_SIZE, routeHeader } from "../../../src/netlink/route/header.ts";
import { decodeRoute, encodeRoute, readRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { bytesOf, captured, contentOf } from "../captured.ts";

const lists = ["list-routes", "list-routes-table", "list-routes6", "get-route"];
const payloads = (name: string) => captured(name, "received", RTM.NEWROUTE).map(({ payload }) => payload);

test.each(lists)("encodeRoute() keeps all that decodeRoute() read: %s", (name) => {
  for (const payload of payloads(name)) {
    expect(contentOf(encodeRoute(decodeRoute(payload)), ROUTE_HEADER_SIZE)).toEqual(
      contentOf(payload, ROUTE_HEADER_SIZE),
    );
  }
});

/** Addresses as text, and of the rest what is asked for. */
function readable(payload: Uint8Array) {
  const { destination, gateway, preferredSource, nextHops, ...rest } = readRoute(payload);
  return {
    ...rest,
    destination: formatPrefix(destination),
    gateway: gateway && formatAddress(gateway),
    source: preferredSource && formatAddress(preferredSource),
    nextHops: nextHops.map(({ index, attributes }) => [index, attributes.gateway && formatAddress(attributes.gateway)]),
  };
}

describe("readRoute()", () => {
  const common = {
    index: 2,
    gateway: undefined,
    source: undefined,
    priority: 0,
    table: 254,
    scope: 0,
    protocol: 3,
    type: 1,
    mtu: undefined,
    advmss: undefined,
    nextHops: [],
  };

  test("reads IPv4 routes", () => {
    expect(payloads("list-routes").map(readable)).toEqual([
      { ...common, destination: "0.0.0.0/0", gateway: "10.1.0.1", priority: 5, mtu: 1300, advmss: 1200 },
      { ...common, destination: "10.1.0.0/24", source: "10.1.0.2", scope: 253, protocol: 2 },
      { ...common, destination: "10.8.0.0/16", scope: 253 },
    ]);
  });

  test("reads a route of a table with a number above 255", () => {
    expect(payloads("list-routes-table").map(readable)).toEqual([
      { ...common, destination: "10.9.0.0/16", gateway: "10.2.0.1", table: 1000 },
    ]);
  });

  test("reads IPv6 routes, one of them with two ways", () => {
    expect(payloads("list-routes6").map(readable)).toEqual([
      { ...common, destination: "fd00::/64", priority: 256, protocol: 2 },
      {
        ...common,
        destination: "fd01::/64",
        index: undefined,
        priority: 1024,
        nextHops: [
          [2, "fd00::a"],
          [2, "fd00::b"],
        ],
      },
      { ...common, destination: "fe80::/64", priority: 256, protocol: 2 },
    ]);
  });
});

test.each([
  ["0a4000", "Cannot decode struct rtmsg: 3 bytes, must be at least 12"],
  ["0a400000fe0300010000000008000900" + "07000000", "Cannot decode struct rtnexthop: 4 bytes, must be at least 8"],
  ["0a400000fe030001000000000c000900" + "0700000002000000", "Cannot decode a next hop: length 7, but 8 bytes are left"],
  [
    "0a400000fe030001000000000c000900" + "1c00000002000000",
    "Cannot decode a next hop: length 28, but 8 bytes are left",
  ],
])("decodeRoute() throws RangeError for %s", (hex, message) => {
  expect(() => decodeRoute(bytesOf(hex))).toThrow(new RangeError(message));
});

test("routeHeader reads each field from its place", () => {
  expect(routeHeader.decode(bytesOf("02180102fe03fd0104000000"))).toEqual({
    family: 2,
    destinationLength: 24,
    sourceLength: 1,
    tos: 2,
    table: 254,
    protocol: 3,
    scope: 253,
    type: 1,
    flags: 4,
  });
});
