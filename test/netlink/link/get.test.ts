import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { encodeFields } from "../../../src/netlink/fields.ts";
import { findLink, findOtherEnd, getLink, hasLink } from "../../../src/netlink/link/get.ts";
import { decodeLink, encodeLink } from "../../../src/netlink/link/message.ts";
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
    });
    expect(decodeLink(netlink.onlyRequest.payload).attributes).toEqual({ extensions: 8 });
  });

  test.each([
    ["ENODEV", 19],
    ["EINVAL, for another name before Linux 5.5", 22],
  ])("finds none on %s", (_, errno) => {
    expect(findLink(refusing(errno), "missing")).toBeUndefined();
  });

  test.each([
    ["a".repeat(15), "name"],
    ["a".repeat(16), "otherName"],
    ["ä".repeat(8), "otherName"],
    ["a".repeat(127), "otherName"],
  ])("asks for %s by its %s", (name, attribute) => {
    const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);
    expect(findLink(netlink, name)?.name).toBe("br0");
    expect(decodeLink(netlink.onlyRequest.payload).attributes).toEqual({ [attribute]: name, extensions: 8 });
  });

  test.each(["a".repeat(128), "a".repeat(100_000), "br0\0", `${"a".repeat(20)}\0`])(
    "asks for no name that a link cannot have",
    (name) => {
      const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);

      expect(findLink(netlink, name)).toBeUndefined();
      expect(netlink.requests).toEqual([]);
    },
  );

  test("throws any other refusal", () => {
    expect(() => findLink(refusing(1), "br0")).toThrow('Cannot get link "br0": Operation not permitted');
  });
});

test("getLink() throws ENODEV where there is none", () => {
  expect(() => getLink(refusing(19), "missing")).toThrow(new NetlinkError('get link "missing"', { errno: 19 }));
  expect(() => getLink(refusing(19), 7)).toThrow("Cannot get link 7: No such device");
});

describe("findOtherEnd()", () => {
  /** A veth with an index, whose other end has another. */
  const veth = (index: number, peer: number) => {
    const attributes = { name: "veth0", link: peer, info: { kind: "veth", data: encodeFields({}, {}) } };
    const message = { ...linkIn("get-bridge", "br0"), payload: encodeLink({ header: { index }, attributes }) };
    return new FakeNetlink(() => [message]);
  };

  test("asks for the other end by its index", () => {
    const netlink = veth(5, 4);
    expect(findOtherEnd(netlink, { index: 4, peer: 5 })).toMatchObject({ index: 5, peer: 4 });
    expect(decodeLink(netlink.onlyRequest.payload).header.index).toBe(5);
  });

  test("knows another link by that it does not point back", () => {
    expect(findOtherEnd(veth(5, 9), { index: 4, peer: 5 })).toBeUndefined();
    expect(findOtherEnd(refusing(19), { index: 4, peer: 5 })).toBeUndefined();
  });

  test("asks nothing about a link without one", () => {
    const netlink = new FakeNetlink();
    expect(findOtherEnd(netlink, { index: 4, peer: undefined })).toBeUndefined();
    expect(netlink.requests).toEqual([]);
  });
});

test("hasLink() asks without a request whether there is a link of an index", () => {
  const netlink = new FakeNetlink();
  netlink.hasIndex = (index) => index === 4;
  expect([hasLink(netlink, 4), hasLink(netlink, 5)]).toEqual([true, false]);
  expect(netlink.requests).toEqual([]);
});
