import { describe, expect, it } from "vitest";
import { checkVlans, joinVlans, needForVlans, planVlans, type VlanPlan } from "../../../plugins/bridge/vlan.ts";
import { readLink } from "../../../src/netlink/link/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, linkIn } from "../../netlink/captured.ts";
import { FakeNetlink } from "../../netlink/fake-netlink.ts";

const bridge = readLink(linkIn("get-bridge-with-vlans", "br0").payload);
const port = { ...bridge, index: 3, name: "veth0" };

function plan(vlan: number, vlanTrunk?: readonly number[], preserveDefaultVlan = false): VlanPlan {
  return planVlans({ vlan, vlanTrunk, preserveDefaultVlan });
}

const native = (id: number) => ({ id, pvid: true, untagged: true });
const tagged = (id: number) => ({ id, pvid: false, untagged: false });

describe("needForVlans()", () => {
  it.each([
    [0, undefined, undefined],
    [100, undefined, "vlan 100"],
    [0, [], "vlanTrunk []"],
    [0, [101, 200, 201], "vlanTrunk [101,200-201]"],
    [100, [101], "vlan 100"],
  ])("names what asks for a bridge that filters: vlan %j, trunk %j", (vlan, vlanTrunk, need) => {
    expect(needForVlans({ vlan, vlanTrunk })).toBe(need);
  });
});

describe("planVlans()", () => {
  it.each([
    ["nothing without either", plan(0), []],
    ["nothing for an empty trunk", plan(0, []), []],
    ["vlan untagged", plan(100), [native(100)]],
    ["a trunk tagged, with native VLAN 1", plan(0, [101, 102]), [native(1), tagged(101), tagged(102)]],
    ["a trunk tagged, with vlan as the native one", plan(100, [7, 101]), [tagged(7), native(100), tagged(101)]],
    ["VLANs in ascending order", plan(100, [102, 101]), [native(100), tagged(101), tagged(102)]],
    ["vlan untagged though it is in the trunk", plan(100, [100, 101]), [native(100), tagged(101)]],
  ])("%s", (_, { vlans }, expected) => {
    expect(vlans).toEqual(expected);
  });
});

describe("joinVlans()", () => {
  function actions(wanted: VlanPlan, on = bridge): string[] {
    const netlink = new FakeNetlink();
    joinVlans(netlink, on, port, wanted);
    return netlink.requests.map(({ action }) => action);
  }

  const [add, remove] = ['add VLANs 100 to bridge port "veth0"', 'delete VLANs 1 from bridge port "veth0"'];

  it("asks nothing where no VLAN is asked for", () => {
    expect(actions(plan(0, []))).toEqual([]);
  });

  it("puts the port into its VLANs and out of the default one", () => {
    expect(actions(plan(100))).toEqual([add, remove]);
  });

  it("preserveDefaultVlan: leaves it there", () => {
    expect(actions(plan(100, undefined, true))).toEqual([add]);
  });

  it("keeps the default VLAN where it is asked for itself", () => {
    expect(actions(plan(0, [100]))).toEqual(['add VLANs 1,100 to bridge port "veth0"']);
  });

  it("knows bridges without a default VLAN", () => {
    expect(actions(plan(100), { ...bridge, bridge: { vlanFiltering: 1, defaultVlan: 0 } })).toEqual([add]);
  });
});

describe("checkVlans()", () => {
  // The captured port has 100 as PVID and untagged, and 200 to 204 and 208 to 210.
  const trunk = [200, 201, 202, 203, 204, 208, 209, 210];

  function differences(wanted: VlanPlan, on = bridge): string[] {
    return checkVlans(new FakeNetlink(() => captured("list-vlans", "received", RTM.NEWVLAN)), on, port, wanted);
  }

  it("finds nothing where all is as planned", () => {
    expect(differences(plan(100, trunk))).toEqual([]);
  });

  it("does not look where no VLAN is asked for", () => {
    expect(differences(plan(0))).toEqual([]);
  });

  it.each([
    ["one VLAN missing", plan(100, [...trunk, 300]), "(PVID 100, untagged 100, tagged 200-204,208-210,300)"],
    ["VLANs too many", plan(100), "(PVID 100, untagged 100, tagged none)"],
    ["another PVID", plan(204, trunk), "(PVID 204, untagged 204, tagged 200-203,208-210)"],
  ])("names both sides: %s", (_, wanted, expected) => {
    const found = "(PVID 100, untagged 100, tagged 200-204,208-210)";
    expect(differences(wanted)).toEqual([`Port "veth0" has VLANs ${found}, expected ${expected}`]);
  });

  it.each([
    ["is to be there if it is planned", trunk, true, true],
    ["is to be there if it is planned and preserved", trunk, false, true],
    ["may be there if it is preserved", trunk.slice(1), true, true],
    ["may not be there otherwise", trunk.slice(1), false, false],
  ])("a default VLAN 200 %s", (_, ids, keeps, isAsPlanned) => {
    const on = { ...bridge, bridge: { vlanFiltering: 1, defaultVlan: 200 } };
    expect(differences(plan(100, ids, keeps), on)).toHaveLength(isAsPlanned ? 0 : 1);
  });

  it("a preserved default VLAN does not excuse others", () => {
    const on = { ...bridge, bridge: { vlanFiltering: 1, defaultVlan: 1 } };
    expect(differences(plan(100, trunk.slice(1), true), on)).toHaveLength(1);
  });
});
