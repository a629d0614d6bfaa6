import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { decodeRoute } from "../../../src/netlink/route/message.ts";
import {
  addWholeRoute,
  identifyWhole,
  inTable,
  listRoutesThrough,
  onLinkFirst,
} from "../../../src/netlink/route/whole.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

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
    const { type, flags, payload } = netlink.onlyRequest;
    expect([type, flags]).toEqual([RTM.GETROUTE, NLM_F.DUMP]);
    expect(decodeRoute(payload).attributes).toEqual({ index: NET1 });
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

test("onLinkFirst() puts routes without a gateway before the others", () => {
  const { routes } = through();
  const hasGateway = onLinkFirst(routes).map(({ known }) => known.gateway !== undefined || known.nextHops.length > 0);
  expect(hasGateway).toEqual([...hasGateway].sort());
});
