import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { decodeRoute, encodeRoute, type RouteMessage, readRoute } from "../../../src/netlink/route/message.ts";
import {
  addWholeRoute,
  deleteWholeRoute,
  identifyWhole,
  inTable,
  listRoutesThrough,
  listTables,
  listWholeRoutes,
  onLinkFirst,
  type WholeRoute,
} from "../../../src/netlink/route/whole.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address } from "../text.ts";

/** The link of the capture. */
const NET1 = 3;

function through() {
  const netlink = new FakeNetlink(() => captured("list-routes-through", "received", RTM.NEWROUTE));
  const routes = listRoutesThrough(netlink, { family: 4, index: NET1 });
  const find = (prefix: string) => {
    const route = routes.find(({ known }) => formatPrefix(known.destination) === prefix);
    if (route === undefined) throw new Error(`Cannot find route ${prefix} in the capture`);
    return route;
  };
  return { netlink, routes, find };
}

describe("listRoutesThrough()", () => {
  test("asks the kernel for the routes through a link in all tables", () => {
    const { netlink } = through();
    const { type, flags, payload, action } = netlink.onlyRequest;
    expect([type, flags, action]).toEqual([RTM.GETROUTE, NLM_F.DUMP, "list the IPv4 routes through link 3"]);
    const { header, attributes } = decodeRoute(payload);
    expect([header.family, attributes]).toEqual([2, { index: NET1 }]);
  });

  test("leaves out what a kernel without filters sends as well", () => {
    const kernel = () => new FakeNetlink(() => captured("list-routes-through", "received", RTM.NEWROUTE));
    for (const family of [4, 6] as const) {
      const found = listRoutesThrough(kernel(), { family, index: NET1 });
      expect(new Set(found.map(({ known }) => known.destination.address.family))).toEqual(new Set([family]));
    }
    expect(listRoutesThrough(kernel(), { family: 4, index: 77 })).toEqual([]);
  });

  test("reads those of each table, and of several next hops the ones through the link", () => {
    const { find } = through();
    expect(find("10.5.0.0/16").known).toMatchObject({ table: 1000, priority: 7, mtu: 1300 });
    const { known } = find("10.3.0.0/16");
    expect(known.nextHops.map(({ index, hops }) => [index, hops])).toEqual([
      [NET1, 1],
      [NET1, 0],
    ]);
    expect(find("10.4.0.0/16").known).toMatchObject({ index: NET1, nextHops: [] });
  });
});

describe("listWholeRoutes()", () => {
  test("decodes no more routes than it is asked for, and none of another protocol", () => {
    const all = captured("list-routes-through", "received", RTM.NEWROUTE).map(({ payload }) => payload);
    const kept = (wanted: { most?: number; protocol?: number }) => {
      const netlink = new FakeNetlink();
      listWholeRoutes(netlink, { family: 4, table: 1000, index: NET1, ...wanted });
      return all.filter((payload) => netlink.onlyRequest.keep?.(payload));
    };
    const protocol = decodeRoute(all[0] ?? new Uint8Array()).header.protocol;
    expect(kept({})).toEqual(all);
    expect(kept({ most: 2 })).toEqual(all.slice(0, 2));
    expect(kept({ protocol })).toEqual(all.filter((payload) => decodeRoute(payload).header.protocol === protocol));
    expect(kept({ protocol: 67 })).toEqual([]);
  });

  const kernel = () => new FakeNetlink(() => captured("list-routes-through", "received", RTM.NEWROUTE));

  test("asks for those of one table through a link", () => {
    const netlink = new FakeNetlink();
    listWholeRoutes(netlink, { family: 4, table: 1000, index: NET1 });
    const { type, flags, payload, action } = netlink.onlyRequest;
    expect([type, flags, action]).toEqual([RTM.GETROUTE, NLM_F.DUMP, "list the IPv4 routes of table 1000"]);
    const { header, attributes } = decodeRoute(payload);
    expect([header.family, attributes]).toEqual([2, { table: 1000, index: NET1 }]);
  });

  test("leaves out what a kernel without filters sends as well", () => {
    const found = listWholeRoutes(kernel(), { family: 4, table: 1000, index: NET1 });
    expect(found.map(({ known }) => formatPrefix(known.destination))).toEqual(["10.5.0.0/16"]);
    expect(listWholeRoutes(kernel(), { family: 4, table: 1000, index: 77 })).toEqual([]);
  });

  test("makes each way through the link a route of its own", () => {
    const found = listWholeRoutes(kernel(), { family: 4, table: 254, index: NET1 });
    const ways = found.filter(({ known }) => formatPrefix(known.destination) === "10.3.0.0/16");
    const { known } = through().find("10.3.0.0/16");
    const gateways = known.nextHops.map(({ attributes }) => attributes.gateway);
    expect(ways.map((way) => [way.known.gateway, way.known.index, way.known.nextHops])).toEqual(
      gateways.map((gateway) => [gateway, NET1, []]),
    );
    for (const [at, { message }] of ways.entries()) {
      expect(message.attributes).toMatchObject({
        gateway: gateways[at],
        index: NET1,
        destination: address("10.3.0.0"),
      });
      expect(message.attributes.nextHops).toBeUndefined();
      expect(message.header).toMatchObject({ family: 2, destinationLength: 16, flags: known.nextHops[at]?.flags });
    }
  });

  test("finds none in a table that nobody has used, and throws any other refusal", () => {
    const refusing = (errno: number) =>
      new FakeNetlink(({ action }) => {
        throw new NetlinkError(action, { errno });
      });
    const list = (errno: number) => listWholeRoutes(refusing(errno), { family: 4, table: 77, index: NET1 });
    expect(list(2)).toEqual([]);
    expect(() => list(1)).toThrow("Operation not permitted");
  });
});

test("listTables() has the tables with routes of a family, and keeps no route", () => {
  const netlink = new FakeNetlink(() => [
    ...captured("list-routes-through", "received", RTM.NEWROUTE),
    ...captured("list-routes", "received", RTM.NEWROUTE).map((message) => ({
      ...message,
      payload: encodeRoute({ header: { family: 2, table: 7 }, attributes: {} }),
    })),
  ]);
  expect([...listTables(netlink, 4)].sort((a, b) => a - b)).toEqual([7, 254, 255, 1000]);
  const { type, flags, payload, action, keep } = netlink.onlyRequest;
  expect([type, flags, action]).toEqual([RTM.GETROUTE, NLM_F.DUMP, "list the IPv4 tables"]);
  expect(decodeRoute(payload).header.family).toBe(2);
  expect(keep?.(payload)).toBe(false);
});

/** A route as the kernel would say it. */
function route({ header, attributes }: RouteMessage): WholeRoute {
  const payload = encodeRoute({ header: { family: 2, table: 254, type: 1, ...header }, attributes });
  return { message: decodeRoute(payload), known: readRoute(payload) };
}

test.each([
  [255, 255],
  [256, 252],
])("inTable(): the table %i is %i in the header", (table, inHeader) => {
  const moved = inTable(route({ header: {}, attributes: { table: 254, priority: 5 } }), table);
  expect(moved.message).toMatchObject({ header: { family: 2, table: inHeader }, attributes: { table, priority: 5 } });
  expect(moved.known).toMatchObject({ table, priority: 5 });
});

describe("addWholeRoute() and deleteWholeRoute()", () => {
  const refusing = (errno: number) =>
    new FakeNetlink(({ action }) => {
      throw new NetlinkError(action, { errno });
    });

  test("ask for it, and name it in an error", () => {
    const { find } = through();
    const whole = find("10.5.0.0/16");
    const [adding, deleting] = [new FakeNetlink(), new FakeNetlink()];
    expect([addWholeRoute(adding, whole), deleteWholeRoute(deleting, whole)]).toEqual([true, true]);
    const name = "route 10.5.0.0/16 in table 1000";
    expect(adding.onlyRequest).toMatchObject({
      type: RTM.NEWROUTE,
      flags: NLM_F.CREATE | NLM_F.ACK,
      action: `add ${name}`,
    });
    expect(deleting.onlyRequest).toMatchObject({ type: RTM.DELROUTE, flags: NLM_F.ACK, action: `delete ${name}` });
    const { header, attributes } = decodeRoute(deleting.onlyRequest.payload);
    expect(header).toEqual({ ...whole.message.header, flags: 0 });
    const { metrics: _, ...rest } = whole.message.attributes;
    expect(attributes).toEqual(rest);
  });

  test("say whether it was there, and throw any other refusal", () => {
    const { find } = through();
    const whole = find("10.5.0.0/16");
    expect([addWholeRoute(refusing(17), whole), deleteWholeRoute(refusing(3), whole)]).toEqual([false, false]);
    expect(() => addWholeRoute(refusing(3), whole)).toThrow("Cannot add route 10.5.0.0/16");
    expect(() => deleteWholeRoute(refusing(17), whole)).toThrow("Cannot delete route 10.5.0.0/16");
  });

  test("ask for no flags but that the gateway is on the link, and for nothing that the kernel found out", () => {
    const cached = { type: 12, value: Uint8Array.of(1, 0, 0, 0) };
    const object = { type: 30, value: Uint8Array.of(9, 0, 0, 0) };
    const preference = { type: 20, value: Uint8Array.of(1) };
    const mark = { type: 16, value: Uint8Array.of(7, 0, 0, 0) };
    const hop = { flags: 4 | 16, hops: 0, index: 3, attributes: {} };
    const unknown = [object, preference, mark, cached];
    const whole = route({ header: { flags: 4 | 16 }, attributes: { nextHops: [hop], unknown } });
    const netlink = new FakeNetlink();
    addWholeRoute(netlink, whole);
    const { header, attributes } = decodeRoute(netlink.onlyRequest.payload);
    expect([header.flags, attributes.nextHops, attributes.unknown]).toEqual([
      4,
      [{ ...hop, flags: 4 }],
      [mark, preference],
    ]);
  });
});

test("addWholeRoute() says all that the kernel said, in another table", () => {
  const { find } = through();
  for (const prefix of ["10.3.0.0/16", "10.5.0.0/16"]) {
    const route = inTable(find(prefix), 10);
    const netlink = new FakeNetlink();
    expect(addWholeRoute(netlink, route)).toBe(true);
    const { table, ...rest } = decodeRoute(netlink.onlyRequest.payload).attributes;
    const { table: _, ...before } = find(prefix).message.attributes;
    expect([table, rest]).toEqual([10, before]);
  }
});

test("identifyWhole() gives equal routes one text, and a route of another table another text", () => {
  const [one, again] = [through().find("10.3.0.0/16"), through().find("10.3.0.0/16")];
  expect(identifyWhole(one)).toBe(identifyWhole(again));
  expect(identifyWhole(inTable(one, 10))).not.toBe(identifyWhole(one));
});

test("identifyWhole() looks at all that a request says, in whatever order the kernel says it", () => {
  const destination = address("10.0.0.0");
  const text = (attributes: RouteMessage["attributes"]) => identifyWhole(route({ header: {}, attributes }));
  expect(text({ destination, index: 3, priority: 5 })).toBe(text({ priority: 5, index: 3, destination }));
  const via = { type: 18, value: Uint8Array.of(10, 0, 1) };
  const mark = { type: 16, value: Uint8Array.of(7) };
  expect(text({ index: 3, unknown: [via, mark] })).toBe(text({ index: 3, unknown: [mark, via] }));
  const texts = [
    text({ destination, index: 3 }),
    text({ destination: address("10.0.0.1"), index: 3 }),
    text({ destination, index: 4 }),
    text({ destination, index: 3, unknown: [via] }),
    text({ destination, index: 3, unknown: [{ ...via, value: Uint8Array.of(10, 0, 2) }] }),
    text({ destination, nextHops: [{ flags: 0, hops: 0, index: 3, attributes: {} }] }),
    text({ destination, nextHops: [{ flags: 0, hops: 1, index: 3, attributes: {} }] }),
  ];
  expect(new Set(texts).size).toBe(texts.length);
});

test("onLinkFirst() takes a gateway of the other family for one as well, and keeps the order of the rest", () => {
  const via = { type: 18, value: Uint8Array.of(10, 0, 1) };
  const mark = { type: 16, value: Uint8Array.of(7) };
  const [a, b, c, d] = [
    route({ header: {}, attributes: { unknown: [mark, via] } }),
    route({ header: {}, attributes: { unknown: [mark] } }),
    route({ header: {}, attributes: { gateway: address("10.0.0.1") } }),
    route({ header: {}, attributes: { index: 3 } }),
  ] as const;
  expect(onLinkFirst([a, b, c, d])).toEqual([b, d, a, c]);
});

test("onLinkFirst() puts routes without a gateway before the others", () => {
  const { routes } = through();
  const hasGateway = onLinkFirst(routes).map(({ known }) => known.gateway !== undefined || known.nextHops.length > 0);
  expect(hasGateway).toEqual([...hasGateway].sort());
});
