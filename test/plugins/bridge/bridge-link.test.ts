import { describe, expect, it } from "vitest";
import { awaitRunning, type BridgeSpec, ensureBridge } from "../../../plugins/bridge/bridge-link.ts";
import { CniError } from "../../../src/cni/error.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { linkIn } from "../../netlink/captured.ts";
import { FakeNetlink } from "../../netlink/fake-netlink.ts";
import { fakeHost } from "../../steps/fake-host.ts";

const spec: BridgeSpec = { name: "br0", mtu: 0, promiscuous: false, vlanNeed: "vlan 100" };

function refusing(errno: number, text?: string) {
  return (request: NetlinkRequest): never => {
    throw new NetlinkError(request.action, { errno, text });
  };
}

/** A host without the bridge, whose kernel answers like this when it is asked for one. */
function hostThat(create: (request: NetlinkRequest) => never): FakeNetlink {
  return new FakeNetlink((request) => (request.type === RTM.NEWLINK ? create(request) : refusing(19)(request)));
}

const unsupported = new CniError(
  "unsupportedField",
  "Cannot use vlan 100: bridges of this kernel cannot filter VLANs, it needs CONFIG_BRIDGE_VLAN_FILTERING",
);

describe("ensureBridge() for VLANs", () => {
  /** What is deferred for a request that is refused does nothing. */
  const noDefer = (reversal: () => unknown) => {
    reversals.push(reversal);
  };
  const reversals: (() => unknown)[] = [];

  it("says that the kernel cannot make such a bridge, with nothing to take back", () => {
    const host = hostThat(refusing(95));
    expect(() => ensureBridge(fakeHost({ netlink: host }), spec, noDefer)).toThrow(unsupported);
    const asked = host.requests.length;
    for (const reversal of reversals) reversal();
    expect(host.requests).toHaveLength(asked);
  });

  it("leaves a refusal of a plain bridge to the kernel's words", () => {
    const host = fakeHost({ netlink: hostThat(refusing(95)) });
    expect(() => ensureBridge(host, { ...spec, vlanNeed: undefined }, noDefer)).toThrow(
      'Cannot add bridge "br0": Operation not supported',
    );
  });

  it("leaves it to the kernel to say that it knows no bridges", () => {
    const host = hostThat(refusing(95, "Unknown device type"));
    expect(() => ensureBridge(fakeHost({ netlink: host }), spec, noDefer)).toThrow(
      'Cannot add bridge "br0": Operation not supported (Unknown device type)',
    );
  });

  it("says of a bridge that is there that the kernel cannot filter, and asks nothing else", () => {
    // Captured on a kernel without CONFIG_BRIDGE_VLAN_FILTERING.
    const host = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);
    expect(() => ensureBridge(fakeHost({ netlink: host }), spec, noDefer)).toThrow(unsupported);
    expect(host.requests).toHaveLength(1);
  });
});

describe("awaitRunning()", () => {
  const bridge = { index: 7, name: "br0" };

  /** A bridge with these flags, as ioctl(2) has them, which runs when it is asked for by rtnetlink. */
  function bridgeWith(flags: number): FakeNetlink {
    const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);
    netlink.ask = () => ({ errno: 0, data: Uint8Array.of(flags & 0xff, flags >> 8) });
    return netlink;
  }

  it("asks nothing else about a bridge that runs", () => {
    const netlink = bridgeWith(0x1043);
    awaitRunning(fakeHost({ netlink }), bridge);
    expect([netlink.groups, netlink.requests]).toEqual([[], []]);
  });

  it("asks rtnetlink about one that does not, and is content when it says that the bridge is up", () => {
    const netlink = bridgeWith(0x1003);
    awaitRunning(fakeHost({ netlink }), bridge);
    expect(netlink.requests.map(({ type }) => type)).toEqual([RTM.GETLINK]);
    expect(netlink.listening).toBe(0);
  });
});
