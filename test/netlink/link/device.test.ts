import { expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { encodeFields } from "../../../src/netlink/fields.ts";
import { DEVICE_FIELDS, findDevice, listDevices, readDevice } from "../../../src/netlink/link/device.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { moveLinkTo } from "../../../src/netlink/link/move.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { concat } from "../../../src/platform/bytes.ts";
import { lastOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const card = linkIn("get-hardware", "eth0");

test("readDevice() reads what a link is made of, and what it is a port of", () => {
  const hardware = { parent: "virtio0", bus: "virtio", permanentMac: "52:54:00:12:34:56", portName: undefined };
  expect(readDevice(card.payload)).toMatchObject({
    index: 2,
    name: "eth0",
    kind: "",
    masterKind: undefined,
    ...hardware,
  });
  expect(readDevice(linkIn("get-port", "veth0").payload)).toMatchObject({
    name: "veth0",
    masterKind: "bridge",
    parent: undefined,
    permanentMac: undefined,
  });
});

test("readDevice() reads a port's name, as cards with several links have it", () => {
  const bytes = concat([card.payload, encodeFields(DEVICE_FIELDS, { portName: "p0" })]);
  expect(readDevice(bytes).portName).toBe("p0");
});

test("findDevice() and listDevices() ask for one link, and for all", () => {
  const one = new FakeNetlink(() => [card]);
  expect(findDevice(one, "eth0")?.bus).toBe("virtio");
  expect(one.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: 0, action: 'get link "eth0"' });
  // RTEXT_FILTER_SKIP_STATS
  expect(decodeLink(one.onlyRequest.payload).attributes).toEqual({ name: "eth0", extensions: 8 });
  expect(findDevice(new FakeNetlink(), "eth0")).toBeUndefined();
  const all = new FakeNetlink(() => [card, linkIn("get-port", "veth0")]);
  expect(listDevices(all).map(({ name }) => name)).toEqual(["eth0", "veth0"]);
  expect(all.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: NLM_F.DUMP, action: "list the links" });
  expect(decodeLink(all.onlyRequest.payload).attributes).toEqual({ extensions: 8 });
});

test("findDevice() finds none on ENODEV", () => {
  const refusing = new FakeNetlink((request) => {
    throw new NetlinkError(request.action, { errno: 19 });
  });
  expect(findDevice(refusing, "eth0")).toBeUndefined();
});

test("moveLinkTo() sends what `ip` sends", () => {
  const netlink = new FakeNetlink();
  const { header, attributes } = decodeLink(lastOf("move-link", "sent", RTM.NEWLINK).payload);
  const link = { index: header.index, name: "veth0" };
  moveLinkTo(netlink, link, { netns: attributes.netnsFd ?? 0, name: "net1", alias: "veth0" });
  expect(decodeLink(netlink.onlyRequest.payload)).toEqual({ header, attributes });
  expect(netlink.onlyRequest.action).toBe('move link "veth0" to another network namespace as "net1"');
});

test("moveLinkTo() names no name that the link has: a refusal then changes nothing", () => {
  const netlink = new FakeNetlink();
  moveLinkTo(netlink, { index: 3, name: "net1" }, { netns: 7, name: "net1" });
  expect(decodeLink(netlink.onlyRequest.payload).attributes).toEqual({ netnsFd: 7 });
});
