import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { waitForLink } from "../../../src/netlink/link/wait.ts";
import type { Message } from "../../../src/netlink/message.ts";
import { RTNLGRP } from "../../../src/netlink/rtnetlink.ts";
import { linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const bridge = { index: 2, name: "br0" };
const now = linkIn("get-bridge", "br0");
const aboutAnother = linkIn("get-port", "veth0");

/** Fulfilled at the nth time that the kernel describes the link. */
const atLook = (times: number) => {
  let seen = 0;
  return () => ++seen >= times;
};

const wait = (netlink: FakeNetlink, until: () => boolean) => waitForLink(netlink, bridge, { timeout: 1000, until });

describe("waitForLink()", () => {
  test("does not listen when all is well already", () => {
    const netlink = new FakeNetlink(() => [now]);

    expect(wait(netlink, atLook(1))).toMatchObject({ name: "br0" });
    expect(netlink.groups).toEqual([]);
  });

  test("looks once more after it began to listen", () => {
    const netlink = new FakeNetlink(() => [now]);

    expect(wait(netlink, atLook(2))).toMatchObject({ name: "br0" });
    expect({ groups: netlink.groups, listening: netlink.listening }).toEqual({ groups: [RTNLGRP.LINK], listening: 0 });
  });

  test.each<[string, (readonly Message[])[]]>([
    ["an event of the link's", [[now]]],
    ["an event that was lost", [[]]],
    ["an event among others", [[aboutAnother], [aboutAnother, now]]],
  ])("looks again after %s", (_, events) => {
    const netlink = new FakeNetlink(() => [now], events);

    expect(wait(netlink, atLook(3))).toMatchObject({ name: "br0" });
    expect(netlink.requests).toHaveLength(3);
  });

  test("is undefined when the time is over", () => {
    const netlink = new FakeNetlink(() => [now], [[now], [aboutAnother], undefined]);

    expect(wait(netlink, () => false)).toBeUndefined();
    expect({ asked: netlink.requests.length, listening: netlink.listening }).toEqual({ asked: 3, listening: 0 });
  });

  test("throws ENODEV when the link goes away, and stops listening", () => {
    const netlink = new FakeNetlink(
      (request) => {
        if (netlink.requests.length < 3) return [now];
        throw new NetlinkError(request.action, { errno: 19 });
      },
      [[now]],
    );

    expect(() => wait(netlink, () => false)).toThrow("Cannot get link 2: No such device");
    expect(netlink.listening).toBe(0);
  });
});
