import { describe, expect, test, vi } from "vitest";
import { joinVlans, planVlans } from "../../../plugins/bridge/vlan.ts";
import {
  checkVlanGateway,
  ensureVlanGateway,
  isGatewayPort,
  listVlanOthers,
} from "../../../plugins/bridge/vlan-gateway.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { listPorts } from "../../../src/netlink/link/list.ts";
import type { Link } from "../../../src/netlink/link/message.ts";
import { setLink, setLinkUp } from "../../../src/netlink/link/set.ts";
import { listVlans } from "../../../src/netlink/vlan/list.ts";
import type { Host } from "../../../src/steps/host.ts";
import type { Defer } from "../../../src/steps/undo.ts";
import { failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";

const config = { vlan: 100, preserveDefaultVlan: false };

/** A bridge that filters, with a container's port in VLAN 100. */
function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", vlanFiltering: true, up: true });
  const bridge = getLink(host.netlink, "br0");
  const port = addPort(host, "port0");
  joinVlans(host.netlink, bridge, port, planVlans({ ...config, vlanTrunk: undefined }));
  return { kernel, host, membership: { bridge, name: "br0.100", port, config } };
}

type Stage = ReturnType<typeof stage>;

/** A port of the bridge, both ends up. */
function addPort(host: Host, name: string): Link {
  addVeth(host.netlink, { name, master: getLink(host.netlink, "br0").index, up: true, peer: { name: `${name}p` } });
  setLinkUp(host.netlink, getLink(host.netlink, `${name}p`));
  return getLink(host.netlink, name);
}

function ensure({ host, membership }: Stage, defer: Defer = () => {}) {
  return ensureVlanGateway(host, membership, defer);
}

describe("ensureVlanGateway()", () => {
  test("makes a veth whose other end is a port in that VLAN alone, both up", () => {
    const on = stage();
    const gateway = ensure(on);
    expect(gateway).toMatchObject({ name: "br0.100", kind: "veth", up: true, mtu: 1500 });
    const port = getLink(on.host.netlink, gateway.peer ?? 0);
    expect(port).toMatchObject({ master: on.membership.bridge.index, up: true, group: 0 });
    expect(isGatewayPort(port)).toBe(true);
    expect(listVlans(on.host.netlink, port)).toEqual([{ id: 100, pvid: true, untagged: true }]);
    expect(on.kernel.host.sysctls.read("net/ipv6/conf/br0.100/accept_ra")).toBe("0");
    expect(checkVlanGateway(on.host, on.membership, { name: "br0.100", mac: gateway.mac })).toEqual([]);
  });

  test("twice is once", () => {
    const on = stage();
    ensure(on);
    const before = on.kernel.snapshot();
    ensure(on);
    expect(on.kernel.snapshot()).toEqual(before);
  });

  test("takes what somebody else set up as it is, but up", () => {
    const on = stage();
    addVeth(on.host.netlink, { name: "br0.100", peer: { name: "elsewhere" } });
    expect(ensure(on)).toMatchObject({ up: true });
    expect(getLink(on.host.netlink, "elsewhere")).toMatchObject({ master: undefined, up: false });
  });

  test("takes one that another call makes at the same moment, and leaves it to that call", () => {
    const on = stage();
    const { netlink } = on.host;
    const { request } = netlink;
    vi.spyOn(netlink, "request").mockImplementationOnce((asked) => {
      const answers = request(asked);
      const other = hostOn(on.kernel);
      ensureVlanGateway(other, { ...on.membership, port: addPort(other, "port1") }, () => {});
      return answers;
    });
    const reversals: (() => unknown)[] = [];
    const gateway = ensure(on, (reversal) => reversals.push(reversal));
    for (const reversal of reversals.reverse()) reversal();
    expect(getLink(netlink, "br0.100")).toMatchObject({ index: gateway.index, up: true });
    expect(listPorts(netlink, on.membership.bridge)).toHaveLength(3);
  });

  test("has the bridge's MTU, and keeps its MAC", () => {
    const on = stage();
    const { netlink } = on.host;
    addBridge(netlink, { name: "br1", vlanFiltering: true, up: true });
    const index = getLink(netlink, "br1").index;
    addVeth(netlink, { name: "p1", mac: "fe:ff:ff:ff:ff:ff", mtu: 1400, master: index, peer: { name: "p1p" } });
    const membership = { ...on.membership, name: "br1.100", bridge: getLink(netlink, "br1") };
    const gateway = ensureVlanGateway(on.host, membership, () => {});
    expect([gateway.mtu, getLink(netlink, gateway.peer ?? 0).mtu, getLink(netlink, "br1").mac]).toEqual([
      1400,
      1400,
      "fe:ff:ff:ff:ff:ff",
    ]);
  });

  test("connects one of ours again whose bridge was made anew", () => {
    const on = stage();
    const { peer = 0 } = ensure(on);
    setLink(on.host.netlink, getLink(on.host.netlink, peer), { master: 0 });
    expect(checkVlanGateway(on.host, on.membership, { name: "br0.100" })).toEqual([
      'VLAN gateway "br0.100" is not connected to bridge "br0"',
    ]);
    ensure(on);
    expect(getLink(on.host.netlink, peer).master).toBe(on.membership.bridge.index);
    expect(listVlans(on.host.netlink, getLink(on.host.netlink, peer)).map(({ id }) => id)).toEqual([100]);
  });

  test("marks one that a killed call left before it had its alias", () => {
    const on = stage();
    addVeth(on.host.netlink, {
      name: "left",
      group: 0x434e4956,
      master: on.membership.bridge.index,
      peer: { name: "br0.100" },
    });
    ensure(on);
    expect(getLink(on.host.netlink, "left")).toMatchObject({
      alias: "VLAN gateway of the CNI plugin bridge",
      group: 0,
    });
  });

  test("leaves nothing behind, whichever of its requests fails", () => {
    expect(failEach(stage, (on, defer) => ensure(on, defer))).toBe(11);
  });

  test("takes back a new one when the call fails later, unless the VLAN has come to be used", () => {
    for (const isUsed of [false, true]) {
      const on = stage();
      const reversals: (() => unknown)[] = [];
      ensure(on, (reversal) => reversals.push(reversal));
      if (isUsed)
        joinVlans(
          on.host.netlink,
          on.membership.bridge,
          addPort(on.host, "port1"),
          planVlans({ ...config, vlanTrunk: undefined }),
        );
      for (const reversal of reversals.reverse()) reversal();
      expect(findLink(on.host.netlink, "br0.100") !== undefined).toBe(isUsed);
    }
  });
});

test("listVlanOthers() has every port of the VLAN but the container's and the gateway's own", () => {
  const on = stage();
  ensure(on);
  expect(listVlanOthers(on.host, on.membership)).toEqual([]);
  const other = addPort(on.host, "port1");
  expect(listVlanOthers(on.host, on.membership)).toEqual([]);
  joinVlans(
    on.host.netlink,
    on.membership.bridge,
    other,
    planVlans({ vlan: 0, vlanTrunk: [99, 100], preserveDefaultVlan: false }),
  );
  expect(listVlanOthers(on.host, on.membership).map(({ name }) => name)).toEqual(["port1"]);
  deleteLink(on.host.netlink, other);
  expect(listPorts(on.host.netlink, on.membership.bridge)).toHaveLength(2);
});

test("checkVlanGateway() asks of a link that others set up only that it is up", () => {
  const on = stage();
  addBridge(on.host.netlink, { name: "br0.100", mac: "02:00:00:00:00:50", up: true });
  const reported = { name: "br0.100", mac: "02:00:00:00:00:50" };
  expect(checkVlanGateway(on.host, on.membership, reported)).toEqual([]);
  setLink(on.host.netlink, getLink(on.host.netlink, "br0.100"), { up: false });
  expect(checkVlanGateway(on.host, on.membership, reported)).toEqual(['VLAN gateway "br0.100" is down, expected up']);
});

test("checkVlanGateway() names what differs", () => {
  const on = stage();
  expect(checkVlanGateway(on.host, on.membership, undefined)).toEqual(['VLAN gateway "br0.100" is missing']);
  const gateway = ensure(on);
  setLink(on.host.netlink, gateway, { up: false });
  expect(checkVlanGateway(on.host, on.membership, undefined)).toEqual([
    `VLAN gateway "br0.100" is not among prevResult's interfaces`,
    'VLAN gateway "br0.100" is down, expected up',
  ]);
  const port = getLink(on.host.netlink, gateway.peer ?? 0);
  joinVlans(
    on.host.netlink,
    on.membership.bridge,
    port,
    planVlans({ vlan: 7, vlanTrunk: undefined, preserveDefaultVlan: false }),
  );
  const found = checkVlanGateway(on.host, on.membership, { name: "br0.100", mac: "02:00:00:00:00:99" });
  expect(found[0]).toBe(`VLAN gateway "br0.100" has MAC ${gateway.mac}, expected 02:00:00:00:00:99`);
  expect(found.at(-1)).toContain("expected (PVID 100, untagged 100, tagged none)");
});
