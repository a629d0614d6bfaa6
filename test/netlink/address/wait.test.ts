import { describe, expect, test } from "vitest";
import { readLinkAddress } from "../../../src/netlink/address/message.ts";
import { waitForDad } from "../../../src/netlink/address/wait.ts";
import { RTM, RTNLGRP } from "../../../src/netlink/rtnetlink.ts";
import { captured } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const link = { index: 2, name: "eth0" };
const underway = captured("list-addresses", "received", RTM.NEWADDR).slice(1);
const settled = captured("list-addresses-settled", "received", RTM.NEWADDR).slice(1);

/** The same addresses, one of which another host has: IFA_F_TENTATIVE and IFA_F_DADFAILED. */
const refused = underway.slice(1, 2).map((message) => {
  const payload = message.payload.slice();
  payload[2] = 0xc8;
  payload[payload.length - 4] = 0xc8;
  return { ...message, payload };
});

describe("waitForDad()", () => {
  test("does not wait when nothing is tentative", () => {
    const netlink = new FakeNetlink(() => settled);

    expect(waitForDad(netlink, link, { timeout: 1000 })).toHaveLength(3);
    expect(netlink.groups).toEqual([]);
  });

  test("waits for the events of IPv6 addresses until none is tentative", () => {
    const netlink = new FakeNetlink(() => (netlink.requests.length < 3 ? underway : settled), [settled.slice(0, 1)]);

    expect(waitForDad(netlink, link, { timeout: 1000 }).map(({ tentative }) => tentative)).toEqual([
      false,
      false,
      false,
    ]);
    expect({ groups: netlink.groups, listening: netlink.listening }).toEqual({
      groups: [RTNLGRP.IPV6_IFADDR],
      listening: 0,
    });
  });

  test("waits for no other addresses than those that it is asked for", () => {
    const netlink = new FakeNetlink(() => underway);
    const prefixes = underway.slice(0, 1).map(({ payload }) => readLinkAddress(payload).prefix);

    expect(waitForDad(netlink, link, { timeout: 1000, prefixes })).toMatchObject([{ tentative: false }]);
    expect(netlink.groups).toEqual([]);
    const two = underway.slice(0, 2).map(({ payload }) => readLinkAddress(payload).prefix);
    expect(waitForDad(new FakeNetlink(() => settled), link, { timeout: 1000, prefixes: two })).toHaveLength(2);
  });

  test("does not wait for an address that another host has", () => {
    const netlink = new FakeNetlink(() => refused);

    expect(waitForDad(netlink, link, { timeout: 1000 })).toMatchObject([{ duplicate: true, tentative: true }]);
    expect(netlink.groups).toEqual([]);
  });

  test("returns tentative addresses when the time is over", () => {
    const netlink = new FakeNetlink(() => underway, [undefined]);

    expect(waitForDad(netlink, link, { timeout: 0 }).map(({ tentative }) => tentative)).toEqual([false, true, true]);
  });
});
