import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const refusing = (errno: number) =>
  new FakeNetlink((request) => {
    throw new NetlinkError(request.action, { errno });
  });

describe("findLink()", () => {
  test("asks for one link by its name, without statistics", () => {
    const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);

    expect(findLink(netlink, "br0")).toMatchObject({ index: 2, name: "br0" });
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: 0 });
    expect(decodeLink(netlink.onlyRequest.payload)).toMatchObject({
      header: { index: 0 },
      attributes: { name: "br0", extensions: 8 },
    });
  });

  test("asks for one link by its index", () => {
    const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);

    findLink(netlink, 2);

    expect(decodeLink(netlink.onlyRequest.payload)).toMatchObject({
      header: { index: 2 },
      attributes: { extensions: 8 },
    });
  });

  test.each([
    ["ENODEV", 19],
    ["ERANGE, for a name too long", 34],
  ])("finds none on %s", (_, errno) => {
    expect(findLink(refusing(errno), "missing")).toBeUndefined();
  });

  test("throws any other refusal", () => {
    expect(() => findLink(refusing(1), "br0")).toThrow('Cannot get link "br0": Operation not permitted');
  });
});

test("getLink() throws ENODEV where there is none", () => {
  expect(() => getLink(refusing(19), "missing")).toThrow(new NetlinkError('get link "missing"', { errno: 19 }));
  expect(() => getLink(refusing(19), 7)).toThrow("Cannot get link 7: No such device");
});
