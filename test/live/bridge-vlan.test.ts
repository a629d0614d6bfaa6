import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;
let netns: string;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
});

afterEach(() => lab.dispose());

/** Whether this kernel's bridges filter VLANs: found out in a namespace of its own. test/vm has the tests for one whose do. */
function kernelFilters(): boolean {
  const scratch = lab.addNamespace("scratch");
  return lab.try(["ip", "link", "add", "x", "type", "bridge", "vlan_filtering", "1"], scratch).status === 0;
}

/** Everything that an ADD could have touched. */
function state(): unknown {
  const show = (where: string) => lab.ip("-details address show", where);
  const routers = lab.run(["sh", "-c", "grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward"]);
  return { host: show(lab.host), container: show(netns), routers, leases: lab.leases("net1") };
}

describe("bridge ADD with VLANs", () => {
  const cases = [
    ["vlan", { vlan: 100 }, "vlan 100"],
    ["vlanTrunk", { vlanTrunk: [{ id: 7 }, { minID: 200, maxID: 210 }] }, "vlanTrunk [7,200-210]"],
    ["an empty vlanTrunk", { vlanTrunk: [] }, "vlanTrunk []"],
  ] as const;

  it.each(cases)("%s: works where the kernel filters, else says so and touches nothing", (_, fields, need) => {
    const before = state();
    const outcome = lab.plugin("bridge", { command: "ADD", config: { ...base, ...fields }, netns });
    if (kernelFilters()) {
      expect(outcome).toMatchObject({ status: 0, stderr: "" });
      return;
    }
    const msg = `Cannot use ${need}: bridges of this kernel cannot filter VLANs, it needs CONFIG_BRIDGE_VLAN_FILTERING`;
    expect(JSON.parse(outcome.stdout)).toEqual({ code: 2, msg });
    expect(outcome).toMatchObject({ status: 1, stderr: "" });
    expect(state()).toEqual(before);
  });

  it("refuses a bridge that does not filter, and touches nothing", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    const before = state();
    const outcome = lab.plugin("bridge", { command: "ADD", config: { ...base, vlan: 100 }, netns });
    const msg = 'Cannot use vlan 100: bridge "br0" does not filter VLANs';
    expect(JSON.parse(outcome.stdout)).toMatchObject(kernelFilters() ? { code: 106, msg } : { code: 2 });
    expect(outcome).toMatchObject({ status: 1, stderr: "" });
    expect(state()).toEqual(before);
  });

  it.each(["0.1.0", "0.2.0"])(
    "B18 B19 B20 B21: fails on layer 2, for a result of %s has no address, and touches nothing",
    (cniVersion) => {
      const before = state();
      const trunk = [{ id: 101 }, { minID: 200, maxID: 210 }];
      const each = [
        { vlan: 100 },
        { vlanTrunk: trunk },
        { vlan: 100, vlanTrunk: trunk },
        { preserveDefaultVlan: false },
      ];
      for (const fields of each) {
        const config = { ...base, cniVersion, ipam: {}, ...fields };
        const { stdout } = lab.plugin("bridge", { command: "ADD", config, netns });
        expect(JSON.parse(stdout)).toMatchObject({ code: 7, msg: "cannot convert: no valid IP addresses" });
      }
      expect(state()).toEqual(before);
    },
  );

  it.each(["0.1.0", "0.2.0"])(
    "B22.3 B23.3: refuses two addresses of a family in %s, and leaves nothing",
    (cniVersion) => {
      const before = state();
      const ranges = ["192.168.0.0/24", "fd00::/64", "2001:db8::/64"].map((subnet) => [{ subnet }]);
      const config = { ...base, cniVersion, isDefaultGateway: true, ipam: { ...Object(base["ipam"]), ranges } };
      // The VLAN is a matter for a kernel that filters them: test/vm.
      for (const fields of kernelFilters() ? [{ vlan: 100 }, { vlan: 100, preserveDefaultVlan: true }] : [{}]) {
        const { stdout } = lab.plugin("bridge", { command: "ADD", config: { ...config, ...fields }, netns });
        const msg = `CNI version ${cniVersion} does not support more than 1 address per family`;
        expect(JSON.parse(stdout)).toMatchObject({ code: 7, msg: expect.stringContaining(msg) });
      }
      expect(state()).toEqual(before);
    },
  );
});
