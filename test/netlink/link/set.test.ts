import { expect, test } from "vitest";
import { encodeFields } from "../../../src/netlink/fields.ts";
import { PORT_FIELDS } from "../../../src/netlink/link/attributes.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { ALL_GROUPS, ignoreLinkLocalSenders, setLink, setLinkUp, setPort } from "../../../src/netlink/link/set.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const bridge = { index: 2, name: "br0" };
const veth = { index: 4, name: "veth0" };

const tuned = {
  mac: "02:00:00:00:00:0a",
  mtu: 1300,
  transmitQueueLength: 500,
  promiscuous: true,
  allMulticast: true,
};

interface Case {
  readonly capture: string;
  readonly type: number;
  readonly set: (netlink: Rtnetlink) => void;
  readonly action: string;
}

// `ip` sends RTM_NEWLINK without NLM_F_CREATE for it, which comes to the same as RTM_SETLINK.
const cases: readonly Case[] = [
  { capture: "set-up", type: RTM.NEWLINK, set: (n) => setLinkUp(n, bridge), action: 'set up true on link "br0"' },
  {
    capture: "set-alias",
    type: RTM.NEWLINK,
    set: (n) => setLink(n, veth, { alias: "container-1" }),
    action: 'set alias container-1 on link "veth0"',
  },
  {
    capture: "set-promiscuous",
    type: RTM.NEWLINK,
    set: (n) => setLink(n, bridge, { promiscuous: true }),
    action: 'set promiscuous true on link "br0"',
  },
  {
    capture: "set-tuned",
    type: RTM.NEWLINK,
    set: (n) => setLink(n, { index: 2, name: "eth0" }, tuned),
    action:
      'set mac 02:00:00:00:00:0a, mtu 1300, transmitQueueLength 500, promiscuous true, allMulticast true on link "eth0"',
  },
  {
    capture: "set-port",
    type: RTM.SETLINK,
    set: (n) => setPort(n, veth, { hairpin: true, isolated: true }),
    action: 'set hairpin on, isolated on on bridge port "veth0"',
  },
  {
    capture: "set-bridge-bits",
    type: RTM.NEWLINK,
    set: (n) => ignoreLinkLocalSenders(n, bridge),
    action: 'set no_linklocal_learn on on bridge "br0"',
  },
];

test.each(cases)(
  "setLink(), setLinkUp(), setPort() and ignoreLinkLocalSenders() send what `ip` and `bridge` send: $capture",
  (entry) => {
    const netlink = new FakeNetlink();

    entry.set(netlink);

    const { payload, action } = netlink.onlyRequest;
    expect(decodeLink(payload)).toEqual(decodeLink(lastOf(entry.capture, "sent", entry.type).payload));
    expect(action).toBe(entry.action);
  },
);

test("setPort() sends the groups whose frames it hands on as `ip` does, which says so in another place", () => {
  const netlink = new FakeNetlink();

  setPort(netlink, veth, { groups: ALL_GROUPS });

  const { payload, action } = netlink.onlyRequest;
  const { port } = decodeLink(payload).attributes;
  const { info } = decodeLink(lastOf("set-port-groups", "sent", RTM.NEWLINK).payload).attributes;
  expect(encodeFields(PORT_FIELDS, port ?? {})).toEqual(new Uint8Array(info?.portData ?? []));
  expect(action).toBe('set groups 65533 on bridge port "veth0"');
});

test("setLink() makes all changes in one request", () => {
  const netlink = new FakeNetlink();

  setLink(netlink, veth, { up: false, promiscuous: true, mac: "02:00:00:00:00:07", mtu: 1300, master: 0, name: "x" });

  expect(decodeLink(netlink.onlyRequest.payload)).toEqual({
    header: { family: 0, type: 0, index: 4, flags: 0x100, change: 0x101 },
    attributes: { mac: "02:00:00:00:00:07", mtu: 1300, master: 0, name: "x" },
  });
});

test("setLink() does not speak of what stays as it is", () => {
  const netlink = new FakeNetlink();

  setLink(netlink, veth, { mtu: undefined, up: true });

  expect(netlink.onlyRequest.action).toBe('set up true on link "veth0"');
});

test("setPort() leaves alone what it is not told", () => {
  const netlink = new FakeNetlink();

  setPort(netlink, veth, { isolated: false });

  expect(netlink.onlyRequest.action).toBe('set isolated off on bridge port "veth0"');
  expect(decodeLink(netlink.onlyRequest.payload).attributes).toEqual({ port: { isolated: 0 } });
});
