import { describe, expect, test } from "vitest";
import { decoderOf } from "../../../src/netlink/fields.ts";
import { addBridge, addIfb, addVeth } from "../../../src/netlink/link/add.ts";
import { BRIDGE_FIELDS } from "../../../src/netlink/link/attributes.ts";
import { decodeLink, VETH_FIELDS } from "../../../src/netlink/link/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const sent = (name: string) => lastOf(name, "sent", RTM.NEWLINK);

/** The settings of the kind are looked at by themselves. */
function split(payload: Uint8Array) {
  const { header, attributes } = decodeLink(payload);
  const { info, ...rest } = attributes;
  return { header, attributes: rest, kind: info?.kind, data: info?.data ?? new Uint8Array() };
}

describe("addBridge()", () => {
  test("sends what `ip link add NAME type bridge` sends", () => {
    const netlink = new FakeNetlink();

    addBridge(netlink, { name: "br0", mac: "02:00:00:00:00:01", mtu: 1400 });

    const { type, flags, payload, action } = netlink.onlyRequest;
    expect({ type, flags: flags | 1, action }).toEqual({
      type: RTM.NEWLINK,
      flags: sent("add-bridge").flags,
      action: 'add bridge "br0"',
    });
    expect(split(payload)).toEqual(split(sent("add-bridge").payload));
  });

  test("sends what `ip link add NAME type bridge vlan_filtering 1` sends", () => {
    const netlink = new FakeNetlink();

    addBridge(netlink, { name: "br1", vlanFiltering: true });

    const { data, ...rest } = split(netlink.onlyRequest.payload);
    const { data: expected, ...others } = split(sent("add-bridge-with-vlans").payload);
    expect(rest).toEqual(others);
    expect(decoderOf(BRIDGE_FIELDS)(data)).toEqual(decoderOf(BRIDGE_FIELDS)(expected));
  });

  test("asks for a bridge that is up", () => {
    const netlink = new FakeNetlink();

    addBridge(netlink, { name: "br0", up: true });

    expect(decodeLink(netlink.onlyRequest.payload).header).toMatchObject({ flags: 1, change: 1 });
  });
});

describe("addIfb()", () => {
  test("sends what `ip link add NAME type ifb` sends", () => {
    const netlink = new FakeNetlink();

    addIfb(netlink, { name: "ifb0", mac: "02:00:00:00:00:0a", mtu: 1400 });

    const { flags, payload, action } = netlink.onlyRequest;
    expect({ flags: flags | 1, action }).toEqual({ flags: sent("add-ifb").flags, action: 'add ifb "ifb0"' });
    expect(split(payload)).toEqual(split(sent("add-ifb").payload));
  });
});

describe("addVeth()", () => {
  test("sends what `ip link add NAME master BRIDGE type veth peer name NAME netns NETNS` sends", () => {
    const netlink = new FakeNetlink();
    const expected = split(sent("add-veth").payload);
    const expectedPeer = decoderOf(VETH_FIELDS)(expected.data).peer;

    addVeth(netlink, {
      name: "veth0",
      mac: "02:00:00:00:00:02",
      mtu: 1400,
      transmitQueueLength: 1000,
      master: 2,
      peer: { name: "eth0", mac: "02:00:00:00:00:03", mtu: 1400, netns: expectedPeer?.attributes.netnsFd },
    });

    const { flags, payload, action } = netlink.onlyRequest;
    const { data, ...rest } = split(payload);
    expect(flags | 1).toBe(sent("add-veth").flags);
    expect(action).toBe('add veth "veth0" with peer "eth0"');
    expect(rest).toEqual({ header: expected.header, attributes: expected.attributes, kind: "veth" });
    expect(decoderOf(VETH_FIELDS)(data).peer).toEqual(expectedPeer);
  });
});
