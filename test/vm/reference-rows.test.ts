import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AddResult, type Config, VlanLab } from "./vlan-lab.ts";

const TRUNK = [{ id: 101 }, { minID: 200, maxID: 210 }];
const TRUNKED = ["101", ...Array.from({ length: 11 }, (_, offset) => `${200 + offset}`)];
const NATIVE = (vlan: number) => `${vlan} PVID Egress Untagged`;

const LAYOUTS = [
  { row: 0, subnets: ["10.1.2.0/24"], gateways: ["10.1.2.1/24"] },
  { row: 1, subnets: ["2001:db8::/64"], gateways: ["2001:db8::1/64"] },
  { row: 2, subnets: ["192.168.0.0/24", "fd00::/64"], gateways: ["192.168.0.1/24", "fd00::1/64"] },
  {
    row: 3,
    subnets: ["192.168.0.0/24", "fd00::/64", "2001:db8::/64"],
    gateways: ["192.168.0.1/24", "fd00::1/64", "2001:db8::1/64"],
  },
] as const;

let lab: VlanLab;

beforeEach(() => {
  lab = new VlanLab();
});

afterEach(() => lab.dispose());

function expectAttached({ interfaces }: AddResult): string {
  const [bridge, port, inside] = interfaces;
  expect([bridge?.name, inside?.name, inside?.sandbox]).toEqual(["bridge0", "eth0", lab.netns("c1")]);
  expect(port?.name).toMatch(/^veth[0-9a-f]{8}$/);
  for (const { mac } of interfaces) expect(mac).toHaveLength(17);
  expect(lab.link("bridge0")).toMatchObject({ address: bridge?.mac, linkinfo: { info_data: { vlan_filtering: 1 } } });
  expect(lab.link("eth0", lab.netns("c1"))).toMatchObject({ address: inside?.mac, operstate: "UP" });
  return port?.name ?? "";
}

/** The twin of the reference's layer 2 tests: ADD, the port's VLANs, DEL. */
function attachLayer2(config: Config, vlans: readonly string[]): void {
  const result = lab.add(config);
  const port = expectAttached(result);
  expect(result.interfaces).toHaveLength(3);
  expect(lab.linkNames()).toEqual(["lo", "bridge0", port]);
  expect(lab.vlans(port)).toEqual(vlans);
  lab.del(config);
  expect(lab.linkNames(lab.netns("c1"))).toEqual(["lo"]);
  expect(lab.linkNames()).toEqual(["lo", "bridge0"]);
}

/** The same of its layer 3 tests, where the VLAN has a gateway of its own. */
function attachLayer3(config: Config, layout: (typeof LAYOUTS)[number], vlans: readonly string[]): void {
  const { interfaces } = lab.add(config);
  const port = lab.linkNames().find((name) => Object(lab.link(name)).link_netnsid !== undefined) ?? "";
  const gatewayPort = lab.peerOf("bridge0.100");
  expect(lab.linkNames().sort()).toEqual(["bridge0", "bridge0.100", "lo", port, gatewayPort].sort());
  for (const each of [port, gatewayPort]) expect(lab.vlans(each)).toEqual(vlans);
  if (config["cniVersion"] === "1.1.0") {
    const { address: mac, mtu } = lab.link("bridge0.100");
    expect(interfaces[3]).toEqual({ name: "bridge0.100", mac, mtu });
    expect(interfaces).toHaveLength(4);
  }
  expect(lab.addresses("bridge0.100").sort()).toEqual([...layout.gateways].sort());
  expect(lab.addresses("bridge0")).toEqual([]);
  expect(lab.addresses("eth0", lab.netns("c1"))).toHaveLength(layout.gateways.length);
  for (const gateway of layout.gateways) expect(lab.pings("c1", gateway.replace(/\/.*/, ""))).toBe(true);
  lab.del(config);
  expect(lab.linkNames(lab.netns("c1"))).toEqual(["lo"]);
  expect(lab.linkNames()).not.toContain(port);
}

describe("bridge like the reference", () => {
  it("B18: layer 2 with vlan 100", () => {
    attachLayer2(lab.layer2({ vlan: 100, preserveDefaultVlan: true }), ["1 Egress Untagged", NATIVE(100)]);
  });

  it("B19: layer 2 with a trunk, whose native VLAN is 1", () => {
    attachLayer2(lab.layer2({ vlanTrunk: TRUNK, preserveDefaultVlan: true }), [NATIVE(1), ...TRUNKED]);
  });

  it("B20: layer 2 with vlan 100 and a trunk, whose native VLAN is 100", () => {
    attachLayer2(lab.layer2({ vlan: 100, vlanTrunk: TRUNK }), [NATIVE(100), ...TRUNKED]);
  });

  it("B21: layer 2 with vlan 100 and without the default VLAN", () => {
    attachLayer2(lab.layer2({ vlan: 100, preserveDefaultVlan: false }), [NATIVE(100)]);
  });

  // The version is a matter of how the result is printed, which other tests have: the oldest that can say one address, and the newest.
  it.each(LAYOUTS)("B22.$row: layer 3 with vlan 100, $subnets", (layout) => {
    const cniVersion = layout.row === 0 ? "0.2.0" : "1.1.0";
    const config = { cniVersion, vlan: 100, isDefaultGateway: true, preserveDefaultVlan: true };
    attachLayer3(lab.network(config, layout.subnets), layout, ["1 Egress Untagged", NATIVE(100)]);
  });

  it.each(LAYOUTS)("B23.$row: layer 3 with vlan 100 and without the default VLAN, $subnets", (layout) => {
    const config = { vlan: 100, isDefaultGateway: true };
    attachLayer3(lab.network(config, layout.subnets), layout, [NATIVE(100)]);
  });
});
