import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { type Message, NLM_F } from "../../../src/netlink/message.ts";
import { findDefaultRoute } from "../../../src/netlink/route/default.ts";
import { RTM_F } from "../../../src/netlink/route/header.ts";
import { decodeRoute, encodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";
import { address } from "../text.ts";

function refuse(request: NetlinkRequest, errno: number): never {
  throw new NetlinkError(request.action, { errno });
}

/** A kernel that answers the question for one address so, and the one for a list from a capture. */
function kernel(answer: (request: NetlinkRequest) => readonly Message[], list: string): FakeNetlink {
  return new FakeNetlink((request) =>
    request.flags === NLM_F.DUMP ? captured(list, "received", RTM.NEWROUTE) : answer(request),
  );
}

describe("findDefaultRoute()", () => {
  test("asks for one address, as `ip route get fibmatch` does, and nothing else where that is the answer", () => {
    const netlink = kernel(() => captured("get-route-whole", "received", RTM.NEWROUTE), "list-routes");

    expect(findDefaultRoute(netlink, 4)).toMatchObject({ gateway: address("10.1.0.1"), index: 2 });
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETROUTE, flags: 0 });
    const { header, attributes } = decodeRoute(lastOf("get-route-whole", "sent", RTM.GETROUTE).payload);
    // `ip` asks for the table as well (RTM_F_LOOKUP_TABLE), which does not matter here.
    const flags = header.flags & RTM_F.FIB_MATCH;
    expect(decodeRoute(netlink.onlyRequest.payload)).toEqual({ header: { ...header, flags }, attributes });
  });

  test("finds none where nothing leads there, without asking more", () => {
    const netlink = kernel((request) => refuse(request, 101), "list-routes6");

    expect(findDefaultRoute(netlink, 6)).toBeUndefined();
    expect(decodeRoute(netlink.onlyRequest.payload)).toEqual(
      decodeRoute(lastOf("get-route6-none", "sent", RTM.GETROUTE).payload),
    );
  });

  test("reads the table where another route leads there, or one that leads nowhere", () => {
    const another = kernel(() => captured("get-route", "received", RTM.NEWROUTE), "list-routes");
    const blackhole = kernel((request) => refuse(request, 22), "list-routes");

    for (const netlink of [another, blackhole]) {
      expect(findDefaultRoute(netlink, 4)).toMatchObject({ gateway: address("10.1.0.1"), priority: 5, mtu: 1300 });
    }
  });

  test("has the lowest priority of several, and decodes no other routes of the table", () => {
    const list = captured("list-routes", "received", RTM.NEWROUTE);
    const payloads = [7, 3, 5].map((priority) => {
      const header = { family: 2, table: 254, type: 1 };
      return encodeRoute({ header, attributes: { index: priority, priority } });
    });
    const answer = list.slice(0, 1).flatMap((message) => payloads.map((payload) => ({ ...message, payload })));
    const netlink = new FakeNetlink((request) => (request.flags === NLM_F.DUMP ? answer : refuse(request, 113)));

    expect(findDefaultRoute(netlink, 4)).toMatchObject({ index: 3, priority: 3 });
    const { keep } = netlink.requests.at(-1) ?? {};
    expect(list.map(({ payload }) => keep?.(payload))).toEqual([true, false, false]);
  });

  test("throws what is no answer of the kernel's", () => {
    const failure = new Error("a bug");
    const broken = new FakeNetlink(() => {
      throw failure;
    });
    expect(() => findDefaultRoute(broken, 4)).toThrow(failure);
  });

  test("finds none in a table without", () => {
    expect(
      findDefaultRoute(
        kernel((request) => refuse(request, 113), "list-routes6"),
        6,
      ),
    ).toBeUndefined();
  });
});
