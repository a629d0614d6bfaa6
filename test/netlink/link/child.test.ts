import { describe, expect, test } from "vitest";
import { decodeFields } from "../../../src/netlink/fields.ts";
import { addChild, MACVLAN_FIELDS, MACVLAN_MODE, readChild } from "../../../src/netlink/link/child.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

/** The settings of the kind are looked at by themselves. */
function split(payload: Uint8Array) {
  const { header, attributes } = decodeLink(payload);
  const { info, ...rest } = attributes;
  return { header, attributes: rest, kind: info?.kind, data: info?.data ?? new Uint8Array() };
}

describe("addChild()", () => {
  test("sends what `ip link add NAME link PARENT netns NETNS type macvlan` sends", () => {
    const sent = lastOf("add-macvlan", "sent", RTM.NEWLINK);
    const { data: expected, ...others } = split(sent.payload);
    const netlink = new FakeNetlink();

    addChild(netlink, {
      kind: "macvlan",
      name: "eth0",
      settings: { mode: MACVLAN_MODE.PRIVATE, queueLength: 50 },
      parent: 2,
      netns: others.attributes.netnsFd,
      mac: "02:00:00:00:00:02",
      mtu: 1300,
    });

    const { type, flags, payload, action } = netlink.onlyRequest;
    expect({ type, flags: flags | 1, action }).toEqual({
      type: RTM.NEWLINK,
      flags: sent.flags,
      action: 'add macvlan "eth0"',
    });
    const { data, ...rest } = split(payload);
    expect(rest).toEqual(others);
    expect(decodeFields(MACVLAN_FIELDS, data)).toEqual(decodeFields(MACVLAN_FIELDS, expected));
  });
});

describe("readChild()", () => {
  test("reads a macvlan, and where its parent is", () => {
    const { link, settings, ...rest } = readChild("macvlan", linkIn("get-macvlan", "eth0").payload);
    expect(link).toMatchObject({ name: "eth0", kind: "macvlan", mac: "02:00:00:00:00:02", mtu: 1300, peer: undefined });
    expect(settings).toMatchObject({ mode: MACVLAN_MODE.PRIVATE, queueLength: 50 });
    expect(rest).toEqual({ parent: 2, parentNetns: 0 });
  });

  test("reads no settings of a link of another kind", () => {
    expect(readChild("macvlan", linkIn("get-bridge", "br0").payload).settings).toEqual({});
  });
});
