import { describe, expect, test } from "vitest";
import { decoderOf, type Fields } from "../../../src/netlink/fields.ts";
import {
  addChild,
  findChild,
  IPVLAN_F,
  IPVLAN_FIELDS,
  IPVLAN_MODE,
  listChildren,
  MACVLAN_FIELDS,
  MACVLAN_MODE,
  readChild,
  VLAN_FIELDS,
  VRF_FIELDS,
} from "../../../src/netlink/link/child.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
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
    expect(decoderOf(MACVLAN_FIELDS)(data)).toEqual(decoderOf(MACVLAN_FIELDS)(expected));
  });
});

describe("addChild()", () => {
  test.each([
    ["add-vlan-link", { kind: "vlan", name: "eth0", settings: { id: 100 }, parent: 2 }],
    [
      "add-ipvlan",
      { kind: "ipvlan", name: "eth2", settings: { mode: IPVLAN_MODE.L3, flags: IPVLAN_F.VEPA }, parent: 2 },
    ],
    ["add-dummy", { kind: "dummy", name: "eth3", settings: {} }],
    ["add-vrf", { kind: "vrf", name: "red", settings: { table: 1000 } }],
  ] as const)("sends what `ip` sends: %s", (capture, child) => {
    const { data: expected, ...others } = split(lastOf(capture, "sent", RTM.NEWLINK).payload);
    const netlink = new FakeNetlink();
    addChild(netlink, { ...child, netns: others.attributes.netnsFd });
    const { data, ...rest } = split(netlink.onlyRequest.payload);
    expect(rest).toEqual(others);
    const fields = { vlan: VLAN_FIELDS, ipvlan: IPVLAN_FIELDS, dummy: {}, vrf: VRF_FIELDS }[child.kind];
    expect(decoderOf<Fields>(fields)(data)).toEqual(decoderOf<Fields>(fields)(expected));
  });
});

describe("readChild()", () => {
  test("reads a link in a VLAN, an ipvlan, a VRF and a dummy", () => {
    const vlan = readChild("vlan", linkIn("get-vlan-link", "eth0").payload);
    expect([vlan.settings.id, vlan.settings.protocol, vlan.parent, vlan.parentNetns]).toEqual([100, 0x8100, 2, 0]);
    const ipvlan = readChild("ipvlan", linkIn("get-ipvlan", "eth2").payload);
    expect(ipvlan.settings).toMatchObject({ mode: IPVLAN_MODE.L3, flags: IPVLAN_F.VEPA });
    const vrf = readChild("vrf", linkIn("get-vrf", "red").payload);
    expect([vrf.link.kind, vrf.settings.table, vrf.parent]).toEqual(["vrf", 1000, undefined]);
    const dummy = readChild("dummy", linkIn("get-dummy", "eth3").payload);
    expect([dummy.link.kind, dummy.parent, dummy.parentNetns]).toEqual(["dummy", undefined, undefined]);
  });

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

test("findChild() reads a link and its settings, and finds none where there is none", () => {
  const netlink = new FakeNetlink(() => [linkIn("get-vrf", "red")]);
  expect(findChild(netlink, "vrf", "red")).toMatchObject({ link: { name: "red" }, settings: { table: 1000 } });
  expect(decodeLink(netlink.onlyRequest.payload).attributes.name).toBe("red");
  expect(findChild(new FakeNetlink(), "vrf", "red")).toBeUndefined();
});

test("listChildren() asks the kernel for a kind, and leaves out what a kernel without filters sends as well", () => {
  const netlink = new FakeNetlink(() => [linkIn("get-vrf", "red"), linkIn("get-dummy", "eth3")]);
  expect(listChildren(netlink, "vrf").map(({ link, settings }) => [link.name, settings.table])).toEqual([
    ["red", 1000],
  ]);
  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags, action }).toEqual({
    type: RTM.GETLINK,
    flags: NLM_F.DUMP,
    action: 'list the links of kind "vrf"',
  });
  expect(decodeLink(payload).attributes).toEqual({ info: { kind: "vrf" } });
});
