import { describe, expect, it } from "vitest";
import { parseBridgeConfig, readRemoval } from "../../../plugins/bridge/config.ts";
import { chooseMtu, refuseLosingIpv6, refuseSmallMtu, reportMtu } from "../../../plugins/bridge/mtu.ts";
import type { Request } from "../../../src/cni/request.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { encodeLink, readLink } from "../../../src/netlink/link/message.ts";
import type { Message } from "../../../src/netlink/message.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { encodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { linkIn } from "../../netlink/captured.ts";
import { FakeNetlink } from "../../netlink/fake-netlink.ts";
import { prefix } from "../../netlink/text.ts";
import { fakeHost } from "../../steps/fake-host.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function requestOf(fields: object): Request {
  const json = { cniVersion: "1.1.0", name: "net1", type: "bridge", ...fields };
  return addRequest(json);
}

describe("parseBridgeConfig()", () => {
  it.each([0, 9000, "auto"])("takes the mtu %j", (mtu) => {
    expect(parseBridgeConfig(requestOf({ mtu })).mtu).toBe(mtu);
  });

  it.each(["fast", "1500", -1, true])("refuses the mtu %j", (mtu) => {
    const { code, message } = refusal(() => parseBridgeConfig(requestOf({ mtu })));
    expect([code, message]).toEqual([7, expect.stringContaining(`Cannot use mtu ${JSON.stringify(mtu)}: must be `)]);
    expect(message).toMatch(/an integer|"auto"/);
  });
});

describe("readRemoval()", () => {
  it.each([
    [{}, { bridge: "cni0", isAskedFor: false }],
    [
      { bridge: "br0", REMOVEEMPTYBRIDGE: true },
      { bridge: "br0", isAskedFor: true },
    ],
    [
      { bridge: 7, removeEmptyBridge: "yes", mtu: "many" },
      { bridge: "cni0", isAskedFor: false },
    ],
    [
      { bridge: null, removeEmptyBridge: null },
      { bridge: "cni0", isAskedFor: false },
    ],
  ])("reads of %j what can be read", (fields, expected) => {
    expect(readRemoval(requestOf(fields))).toEqual(expected);
  });
});

describe("reportMtu()", () => {
  const bridge = { ...readLink(linkIn("get-bridge", "br0").payload), mtu: 1500 };
  const port = { ...bridge, name: "veth1" };
  const [up, down] = [{ operationalState: 6 }, { operationalState: 2 }];

  it.each([
    ["like the others'", up, 1500, 1500, 1500, ""],
    ["higher than the others'", up, 1500, 1500, 9000, "1500: packets of more than 1500 bytes"],
    ["lower than the others'", up, 1500, 1400, 1400, "1500: packets of more than 1400 bytes"],
    ["the only one, which the bridge follows", down, 1500, 9000, 9000, ""],
    [
      "the only one, of a bridge that was given another",
      down,
      1400,
      1400,
      1500,
      "1400: packets of more than 1400 bytes",
    ],
  ])("of a port whose MTU is %s", (_, state, before, now, mtu, expected) => {
    const lines: string[] = [];
    const links = {
      before: { ...bridge, ...state, mtu: before },
      now: { ...bridge, mtu: now },
      port: { ...port, mtu },
    };
    reportMtu(links, (line) => lines.push(line));
    if (expected === "") expect(lines).toEqual([]);
    else
      expect(lines).toEqual([
        expect.stringContaining(`Port "veth1" has MTU ${mtu}, bridge "br0" and its other ports ${expected}`),
      ]);
  });
});

describe("chooseMtu()", () => {
  it("takes the lowest of several links with the default route, but for lo", () => {
    const names = ["", "lo", "up0", "up1"];
    const message = (payload: Uint8Array): Message => ({ type: 0, flags: 0, sequence: 0, port: 0, payload });
    const nextHops = [1, 2, 3].map((index) => ({ index, flags: 0, hops: 0, attributes: {} }));
    const route = encodeRoute({ header: { family: 2, table: 254, type: 1 }, attributes: { nextHops } });
    const netlink = new FakeNetlink(({ type, payload }) => {
      if (type === RTM.GETROUTE) return [message(route)];
      const { index } = readLink(payload);
      return [message(encodeLink({ header: { index }, attributes: { name: names[index], mtu: index * 1000 } }))];
    });
    expect(chooseMtu(fakeHost({ netlink }), "auto", expect.fail)).toBe(2000);
  });
});

it.each([
  [["::/0"], 1400],
  [["::/0", "0.0.0.0/0"], 1450],
  [[], 0],
])("chooseMtu() takes that of IPv6 only where there is no IPv4: default routes %j", (routes, mtu) => {
  const { netlink, ...host } = hostOn(new FakeKernel());
  for (const [index, route] of routes.entries()) {
    const name = `up${index}`;
    addBridge(netlink, { name, mac: `02:00:00:00:00:0${index}`, mtu: 1400 + 50 * index, up: true });
    addRoute(netlink, getLink(netlink, name), { destination: prefix(route) });
  }
  expect(chooseMtu({ ...host, netlink }, "auto", () => {})).toBe(mtu);
});

describe("IPv6 needs 1280 bytes", () => {
  const host = hostOn(new FakeKernel());
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  const bridge = getLink(host.netlink, "br0");
  addAddress(host.netlink, bridge, { prefix: prefix("fd01::1/64"), withoutDad: true });

  it.each([
    [0, false],
    [1279, true],
    [1280, false],
  ])("refuseLosingIpv6(): a port of %i on a bridge with an IPv6 address is refused: %s", (mtu, isRefused) => {
    const act = () => refuseLosingIpv6(host, bridge, mtu);
    if (!isRefused) return expect(act).not.toThrow();
    const message = 'Cannot use mtu 1279: bridge "br0" has fd01::1/64, and would lose it; IPv6 needs at least 1280';
    expect(refusal(act)).toEqual({ code: 7, message });
  });

  it.each([
    [1279, "fd00::1/64", true],
    [1280, "fd00::1/64", false],
    [undefined, "fd00::1/64", false],
    [1279, "10.0.0.1/24", false],
  ])("refuseSmallMtu(): a bridge of %s does not get the address %s: %s", (mtu, gateway, isRefused) => {
    const links = { bridge: { name: "br0", ...(mtu !== undefined && { mtu }) }, port: { name: "veth0", mtu: 1500 } };
    const act = () => refuseSmallMtu({ ips: [], gatewayAddresses: [prefix("10.9.0.1/24"), prefix(gateway)] }, links);
    if (!isRefused) return expect(act).not.toThrow();
    const message = 'Cannot give bridge "br0" address fd00::1/64: its MTU is 1279, IPv6 needs at least 1280';
    expect(refusal(act)).toMatchObject({ message });
  });
});
