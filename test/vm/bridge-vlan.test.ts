import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AddResult, type Config, VlanLab } from "./vlan-lab.ts";

const NATIVE = "100 PVID Egress Untagged";

let lab: VlanLab;

beforeEach(() => {
  lab = new VlanLab();
});

afterEach(() => lab.dispose());

/** A layer 3 network in VLAN 100 with a gateway. */
function gateway(more: Config = {}): Config {
  return lab.network({ vlan: 100, isGateway: true, ...more });
}

function portOf({ interfaces }: AddResult): string {
  return interfaces[1]?.name ?? "";
}

describe("packets", () => {
  /** The same subnet in every VLAN, and no gateway that would route between them. */
  function inVlan(vlan: number): Config {
    return lab.network({ vlan });
  }

  it("reach containers of the same VLAN, and none of another", () => {
    lab.add(inVlan(100), "c1");
    lab.add(inVlan(100), "c2");
    lab.add(inVlan(200), "c3");
    expect(lab.pings("c1", "10.1.2.3")).toBe(true);
    expect(lab.pings("c1", "10.1.2.4")).toBe(false);
    expect(lab.pings("c3", "10.1.2.2")).toBe(false);
  });

  it("leave a trunk port with the tag of a VLAN that it carries, and of no other", () => {
    lab.add(lab.layer2({ vlanTrunk: [{ minID: 101, maxID: 102 }] }), "trunk");
    for (const vlan of [101, 103]) {
      lab.add(lab.layer2({ vlan }), `c${vlan}`);
      lab.run(["ip", "address", "add", `10.0.${vlan}.2/24`, "dev", "eth0"], lab.netns(`c${vlan}`));
      const trunk = lab.netns("trunk");
      lab.run(["ip", "link", "add", `tag${vlan}`, "link", "eth0", "type", "vlan", "id", `${vlan}`], trunk);
      lab.run(["ip", "address", "add", `10.0.${vlan}.1/24`, "dev", `tag${vlan}`], trunk);
      lab.run(["ip", "link", "set", `tag${vlan}`, "up"], trunk);
    }
    expect(lab.pings("trunk", "10.0.101.2")).toBe(true);
    expect(lab.pings("c101", "10.0.101.1")).toBe(true);
    expect(lab.pings("trunk", "10.0.103.2")).toBe(false);
  });

  it("reach the VLAN's gateway in both families, and from there the host", () => {
    const config = lab.network({ vlan: 100, isDefaultGateway: true }, ["10.1.2.0/24", "fd00::/64"]);
    lab.add(config);
    lab.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"]);
    for (const address of ["10.1.2.1", "fd00::1", "192.0.2.1"]) expect(lab.pings("c1", address)).toBe(true);
  });
});

describe("the bridge", () => {
  it("filters VLANs for an empty vlanTrunk, and leaves the port as it makes it", () => {
    const port = portOf(lab.add(lab.layer2({ vlanTrunk: [] })));
    expect(lab.link("bridge0").linkinfo.info_data).toMatchObject({ vlan_filtering: 1 });
    expect(lab.vlans(port)).toEqual(["1 PVID Egress Untagged"]);
  });

  it("that is there and does not filter is refused untouched, and taken once it does", () => {
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge"]);
    const before = lab.link("bridge0");
    expect(lab.refuse("ADD", gateway())).toEqual({
      code: 106,
      msg: 'Cannot use vlan 100: bridge "bridge0" does not filter VLANs',
      details: "if no other port sends tagged frames: ip link set dev bridge0 type bridge vlan_filtering 1",
    });
    expect(lab.link("bridge0")).toEqual(before);
    expect(lab.leases("testConfig")).toEqual([]);
    lab.run(["ip", "link", "set", "dev", "bridge0", "type", "bridge", "vlan_filtering", "1"]);
    expect(lab.vlans(portOf(lab.add(gateway())))).toEqual([NATIVE]);
  });

  it("keeps the MAC that is reported, also where nobody gave it one", () => {
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge", "vlan_filtering", "1"]);
    const { interfaces } = lab.add(gateway());
    expect(lab.link("bridge0").address).toBe(interfaces[0]?.mac);
  });

  it("may have another default VLAN, or none", () => {
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", "7"]);
    const config = lab.layer2({ vlan: 100, preserveDefaultVlan: true });
    expect(lab.vlans(portOf(lab.add(config, "c1")))).toEqual(["7 Egress Untagged", NATIVE]);
    expect(lab.vlans(portOf(lab.add(lab.layer2({ vlan: 100 }), "c2")))).toEqual([NATIVE]);
    lab.run(["ip", "link", "set", "dev", "bridge0", "type", "bridge", "vlan_default_pvid", "0"]);
    expect(lab.vlans(portOf(lab.add(lab.layer2({ vlan: 100 }), "c3")))).toEqual([NATIVE]);
  });
});

describe("the gateway of a VLAN", () => {
  it("is made once, also by ADDs at once, and stays after DEL", async () => {
    const names = ["c1", "c2", "c3"];
    const calls = names.map((name) =>
      lab.start("bridge", { command: "ADD", config: gateway(), containerId: name, netns: lab.netns(name) }),
    );
    for (const { ended } of calls) expect(await ended).toMatchObject({ status: 0, stderr: "" });
    expect(lab.vlans(lab.peerOf("bridge0.100"))).toEqual([NATIVE]);
    expect(lab.addresses("bridge0.100")).toEqual(["10.1.2.1/24"]);
    for (const name of names) expect(lab.pings(name, "10.1.2.1")).toBe(true);
    for (const name of names) lab.del(gateway(), name);
    expect(lab.linkNames().filter((name) => name.startsWith("veth"))).toEqual([lab.peerOf("bridge0.100")]);
  });

  it("is completed where an earlier call left it half made", () => {
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge", "vlan_filtering", "1"]);
    const veth = ["ip", "link", "add", "p0", "master", "bridge0", "up", "type", "veth", "peer", "name", "bridge0.100"];
    lab.run(veth);
    lab.add(gateway());
    expect(lab.vlans("p0")).toEqual([NATIVE]);
    expect(lab.pings("c1", "10.1.2.1")).toBe(true);
  });

  it("may be a link that the administrator made", () => {
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge", "vlan_filtering", "1"]);
    lab.run(["ip", "link", "add", "bridge0.100", "link", "bridge0", "type", "vlan", "id", "100"]);
    lab.run(["bridge", "vlan", "add", "dev", "bridge0", "vid", "100", "self"]);
    const prevResult = lab.add(gateway());
    expect(lab.pings("c1", "10.1.2.1")).toBe(true);
    expect(lab.call("CHECK", { ...gateway(), prevResult })).toMatchObject({ status: 0, stdout: "" });
  });

  it("has the bridge's MTU, and takes no router advertisements", () => {
    const { interfaces } = lab.add(gateway({ mtu: 1400 }));
    expect(interfaces.map((each) => Object(each).mtu)).toEqual([1400, 1400, 1400, 1400]);
    expect(lab.run(["cat", "/proc/sys/net/ipv6/conf/bridge0.100/accept_ra"])).toBe("0\n");
  });

  it("is connected again where the administrator deleted the bridge under it", () => {
    lab.add(gateway(), "c1");
    lab.run(["ip", "link", "del", "bridge0"]);
    lab.add(gateway(), "c2");
    expect(lab.vlans(lab.peerOf("bridge0.100"))).toEqual([NATIVE]);
    expect(lab.pings("c2", "10.1.2.1")).toBe(true);
  });
});

describe("removeEmptyBridge", () => {
  it("counts no gateway of a VLAN as a port, and deletes it with the bridge, when the last container leaves", () => {
    const other = lab.network({ name: "net2", vlan: 200, isGateway: true }, ["10.2.2.0/24"]);
    const removing = (config: Config) => ({ ...config, removeEmptyBridge: true });
    lab.add(removing(gateway()), "c1");
    lab.add(other, "c2");
    lab.del(removing(gateway()), "c1");
    expect(lab.linkNames()).toEqual(expect.arrayContaining(["bridge0", "bridge0.100", "bridge0.200"]));
    lab.del(removing(other), "c2");
    expect(lab.linkNames()).toEqual(["lo"]);
  });

  it("keeps a bridge that somebody else's link in a VLAN is a port of", () => {
    lab.run(["ip", "link", "add", "bridge0.100", "type", "veth", "peer", "name", "p0"]);
    const config = gateway({ removeEmptyBridge: true });
    lab.add(config);
    lab.run(["ip", "link", "set", "p0", "master", "bridge0"]);
    lab.del(config);
    expect(lab.linkNames().sort()).toEqual(["bridge0", "bridge0.100", "lo", "p0"]);
  });
});

describe("STATUS", () => {
  it("is well where the kernel filters, and says what to do where the bridge does not", () => {
    expect(lab.call("STATUS", gateway())).toMatchObject({ status: 0, stdout: "" });
    expect(lab.linkNames()).toEqual(["lo"]);
    lab.run(["ip", "link", "add", "bridge0", "type", "bridge"]);
    expect(lab.refuse("STATUS", gateway())).toEqual({
      code: 50,
      msg: 'Cannot use vlan 100: bridge "bridge0" does not filter VLANs (if no other port sends tagged frames: ip link set dev bridge0 type bridge vlan_filtering 1)',
    });
  });
});

describe("a failed ADD", () => {
  /** The gateway is made and has its first address when the kernel refuses the second. */
  function failing(): Config {
    const ranges = [[{ subnet: "10.7.0.0/24" }], [{ subnet: "fd00:8::/64", gateway: "ff02::1" }]];
    const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
    return lab.network({ vlan: 100, isGateway: true, name: "failing", ipam });
  }

  const refusal = { code: 107, msg: expect.stringContaining('Cannot add address ff02::1/64 to link "bridge0.100"') };

  it("leaves neither bridge nor gateway where it made them", () => {
    expect(lab.refuse("ADD", failing())).toMatchObject(refusal);
    expect(lab.linkNames()).toEqual(["lo"]);
    expect(lab.linkNames(lab.netns("c1"))).toEqual(["lo"]);
    expect(lab.leases("failing").filter((name) => /^[0-9]/.test(name))).toEqual([]);
  });

  it("leaves nothing whichever change to the VLANs or the gateway the kernel refuses", () => {
    const log = `${lab.dir}/requests`;
    const trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=sendto", "-e", "signal=none"];
    const strace = (...options: string[]) => [...trace, ...options];
    const add = (wrapper: readonly string[]) => {
      const call = { command: "ADD", config: gateway(), containerId: "c1", netns: lab.netns("c1") };
      return lab.plugin("bridge", { ...call, wrapper });
    };
    expect(add(strace("-s", "2000", "-o", log))).toMatchObject({ status: 0 });
    const requests = fs.readFileSync(log, "utf8").trim().split("\n");
    const numbers = requests.flatMap((line, index) =>
      /RTM_(NEW|SET|DEL)LINK.*(AF_BRIDGE|"bridge0\.100")/.test(line) ? [index + 1] : [],
    );
    // Two for each port, and the gateway's own at least.
    expect(numbers.length).toBeGreaterThanOrEqual(5);
    lab.del(gateway());
    lab.run(["ip", "link", "del", "bridge0.100"]);
    lab.run(["ip", "link", "del", "bridge0"]);
    for (const number of numbers) {
      const { status, stdout } = add(strace("-e", `inject=sendto:error=EPERM:when=${number}`, "-o", "/dev/null"));
      expect([number, status, JSON.parse(stdout).code]).toEqual([number, 1, 107]);
      expect([number, ...lab.linkNames()]).toEqual([number, "lo"]);
      expect(lab.linkNames(lab.netns("c1"))).toEqual(["lo"]);
      expect(lab.leases("testConfig").filter((name) => /^[0-9]+\./.test(name))).toEqual([]);
    }
    lab.add(gateway());
  });

  it("leaves the gateway as it was where it was there", () => {
    lab.add(gateway(), "c1");
    const before = lab.linkNames();
    expect(lab.refuse("ADD", failing(), "c2")).toMatchObject({ code: 106 });
    expect(lab.linkNames()).toEqual(before);
    expect(lab.addresses("bridge0.100")).toEqual(["10.1.2.1/24"]);
    expect(lab.pings("c1", "10.1.2.1")).toBe(true);
  });

  it("deletes its gateway though other VLANs are in use, and keeps it where that VLAN is", () => {
    lab.add(lab.layer2({ vlan: 200 }), "c1");
    const before = lab.linkNames();
    expect(lab.refuse("ADD", failing(), "c2")).toMatchObject(refusal);
    expect(lab.linkNames()).toEqual(before);
    lab.add(lab.layer2({ vlan: 100 }), "c3");
    expect(lab.refuse("ADD", failing(), "c4")).toMatchObject(refusal);
    expect(lab.linkNames()).toContain("bridge0.100");
  });
});

describe("CHECK", () => {
  it("is content with what ADD made, whatever the VLANs", () => {
    for (const [container, more] of [
      ["c1", { vlan: 100, vlanTrunk: [{ minID: 200, maxID: 202 }] }],
      ["c2", { vlan: 100, preserveDefaultVlan: true }],
      ["c3", { vlanTrunk: [{ id: 5 }] }],
      ["c4", { vlanTrunk: [] }],
    ] as const) {
      const config = lab.network({ ...more, isGateway: container !== "c4" && container !== "c3" });
      const prevResult = lab.add(config, container);
      expect(lab.call("CHECK", { ...config, prevResult }, container)).toMatchObject({ status: 0, stdout: "" });
    }
  });

  it("names all that differs", () => {
    const config = gateway({ vlanTrunk: [{ minID: 200, maxID: 202 }] });
    const prevResult = lab.add(config);
    const port = portOf(prevResult);
    const peer = lab.peerOf("bridge0.100");
    const check = () => Object(lab.refuse("CHECK", { ...config, prevResult }));

    lab.run(["bridge", "vlan", "del", "dev", port, "vid", "201"]);
    lab.run(["bridge", "vlan", "add", "dev", peer, "vid", "300"]);
    const expected = "(PVID 100, untagged 100, tagged 200-202)";
    const messages = [
      `Port "${port}" has VLANs (PVID 100, untagged 100, tagged 200,202), expected ${expected}`,
      `Port "${peer}" has VLANs (PVID 100, untagged 100, tagged 300), expected (PVID 100, untagged 100, tagged none)`,
    ];
    expect(check()).toMatchObject({ code: 104, msg: messages.join("; ") });

    lab.run(["ip", "link", "set", "dev", "bridge0", "type", "bridge", "vlan_filtering", "0"]);
    lab.run(["ip", "link", "set", "dev", "bridge0.100", "down"]);
    lab.run(["ip", "address", "flush", "dev", "bridge0.100", "scope", "global"]);
    expect(check().msg).toContain('Bridge "bridge0" does not filter VLANs, expected vlan_filtering 1');
    expect(check().msg).toContain('VLAN gateway "bridge0.100" is down, expected up');
    expect(check().msg).toContain('VLAN gateway "bridge0.100" has no address 10.1.2.1/24, found none');
    lab.run(["ip", "link", "del", "bridge0.100"]);
    expect(check().msg).toContain('VLAN gateway "bridge0.100" is missing');
  });
});
