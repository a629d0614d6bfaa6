import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  formatPort,
  listIptablesPorts,
  listLegacyPorts,
  listOwnPorts,
  listReferencePorts,
} from "../../../plugins/portmap/published.ts";
import { IPPROTO } from "../../../src/netfilter/nftables/match.ts";
import { addGoTable } from "./go-tables.ts";
import { C2, PortHost, referenceRules, SHARED_RULES } from "./port-host.ts";

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);

let host: PortHost;

beforeEach(() => {
  host = new PortHost();
});

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const dns = { hostPort: 53, containerPort: 5353, protocol: "udp" };
const IPTABLES = { backend: "iptables" };

const netlink = () => host.kernel.openNetfilter();
const invocation = () => {
  return { environment: { PATH: "/bin" }, deadline: 0, launch: host.iptables.launch, owners: [] };
};

/** The port of container c1 at 10.88.0.2:80. */
const PORT = { protocol: "tcp", hostIp: "", hostPort: 8080, containerIp: "10.88.0.2", containerPort: 80 };

describe("listOwnPorts()", () => {
  test("lists the mappings of nf_tables with their owners", () => {
    host.add([
      { ...web, hostIP: "192.0.2.1" },
      { ...dns, hostIP: "::" },
    ]);
    host.add([{ ...web, protocol: "sctp", hostIP: "2001:db8::1" }], {}, { containerId: "c2", ips: C2 });
    const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
    const named = (id: string) => expect.stringMatching(new RegExp(`^[0-9a-f-]{33}, net: net1, if: eth0, id: ${id}$`));
    const ours = { backend: "nftables", isOurs: true };
    const end = { ...ours, owner, comment: named("c1") };
    expect(listOwnPorts(netlink())).toEqual([
      { ...PORT, hostIp: "192.0.2.1", ...end },
      {
        ...{ ...PORT, protocol: "sctp", hostIp: "2001:db8::1", containerIp: "fd00:88::3" },
        ...{ ...ours, owner: { ...owner, containerId: "c2" }, comment: named("c2") },
      },
      { protocol: "udp", hostIp: "", hostPort: 53, containerIp: "fd00:88::2", containerPort: 5353, ...end },
    ]);
    expect(host.iptables.commands).toEqual([]);
  });

  test("lists none without the table", () => expect(listOwnPorts(netlink())).toEqual([]));
});

describe("listReferencePorts()", () => {
  const theirs = { backend: "nftables", isOurs: false, owner: { containerId: "c1" }, comment: "c1" };
  const rule = { containerId: "c1", hostPort: 8080, to: ["10.88.0.2", 80] } as const;

  test.each([
    [IPPROTO.TCP, "tcp"],
    [IPPROTO.UDP, "udp"],
    [IPPROTO.SCTP, "sctp"],
    [33, ""],
    [undefined, ""],
  ])("names protocol %s %j", (number, protocol) => {
    addGoTable(host.kernel, 4, [{ ...rule, protocol: number }]);
    expect(listReferencePorts(netlink())).toEqual([{ ...PORT, ...theirs, protocol }]);
  });

  test("lists the mappings of both families and chains, whose rules name the container alone", () => {
    addGoTable(host.kernel, 4, [rule, { ...rule, chain: "hostip_hostports", hostIp: "192.0.2.1", hostPort: 81 }]);
    addGoTable(host.kernel, 6, [{ ...rule, containerId: undefined, hostIp: "2001:db8::1", to: ["fd00:88::2", 8443] }]);
    expect(listReferencePorts(netlink())).toEqual([
      { ...PORT, ...theirs },
      { ...PORT, ...theirs, hostIp: "192.0.2.1", hostPort: 81 },
      {
        ...{ ...PORT, hostIp: "2001:db8::1", containerIp: "fd00:88::2", containerPort: 8443 },
        ...{ ...theirs, owner: {}, comment: "" },
      },
    ]);
    expect(listReferencePorts(netlink(), [{ family: 10, table: "cni_hostport" }])).toHaveLength(1);
  });

  test("leaves out rules that are no mappings", () => {
    const { hostPort: _, ...withoutHostPort } = rule;
    addGoTable(host.kernel, 4, [
      { containerId: "c1", hostPort: 8080 },
      { ...rule, to: ["10.88.0.2"] },
      { ...rule, to: [undefined, 80] },
      { containerId: "c1", hostPort: 8080, accepts: true },
      withoutHostPort,
      { containerId: "c1", masquerades: "10.88.0.2" },
      { containerId: "c1", chain: "masquerading", masquerades: "10.88.0.2" },
    ]);
    expect(listReferencePorts(netlink())).toEqual([]);
  });
});

/** The two that read iptables, by the host's variant. */
const listings = {
  nft: () => listIptablesPorts(netlink(), invocation()),
  legacy: () => listLegacyPorts(invocation()),
} as const;

describe.each(["nft", "legacy"] as const)("ports in the tables of iptables-%s", (variant) => {
  const ports = listings[variant];

  beforeEach(() => {
    host.iptables.variant = variant;
  });

  test("are listed with their owners, of which the Go plugin's rules do not name the interface", () => {
    host.add(
      [
        { ...web, hostIP: "192.0.2.1" },
        { ...dns, hostIP: "::" },
      ],
      IPTABLES,
    );
    host.iptables.restore(4, referenceRules("c2", "10.88.0.3:80", "net2"));
    const ours = {
      ...{ backend: "iptables", isOurs: true, owner: { network: "net1", ifname: "eth0", containerId: "c1" } },
      comment: 'dnat name: "net1" id: "c1"',
    };
    const theirs = {
      ...{ backend: "iptables", isOurs: false, owner: { network: "net2", containerId: "c2" } },
      comment: 'dnat name: "net2" id: "c2"',
    };
    expect(ports()).toStrictEqual([
      { ...PORT, hostIp: "192.0.2.1", ...ours },
      { ...PORT, containerIp: "10.88.0.3", ...theirs },
      { protocol: "udp", hostIp: "", hostPort: 53, containerIp: "fd00:88::2", containerPort: 5353, ...ours },
    ]);
  });

  test("are not listed if nothing leads to their chain", () => {
    host.iptables.restore(4, [...SHARED_RULES, ...referenceRules("c2", "10.88.0.3:80")]);
    const jump = referenceRules("c2", "10.88.0.3:80")[1] ?? "";
    const canary = "-A CNI-HOSTPORT-DNAT -m comment --comment canary -j ACCEPT";
    host.iptables.restore(4, [jump.replace("-A", "-D"), canary]);
    expect(ports()).toEqual([]);
    host.iptables.restore(4, [jump.replace("CNI-HOSTPORT-DNAT", "OUTPUT")]);
    expect(ports()).toEqual([]);
  });

  test("take a command only for a family with any, of the variant that has them", () => {
    expect(ports()).toEqual([]);
    host.iptables.restore(4, ["-N CNI-OTHER", "-A POSTROUTING -j CNI-OTHER"]);
    host.iptables.restore(6, [...SHARED_RULES]);
    host.iptables.restore(4, [...SHARED_RULES], { variant: variant === "nft" ? "legacy" : "nft" });
    host.iptables.restore(6, [
      '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"n\\" id: \\"c\\"" -m multiport --dports 1 -j ACCEPT',
    ]);
    expect(ports()).toEqual([]);
    expect(host.iptables.commands).toEqual([`ip6tables-${variant} -t nat -S`]);
    expect(host.iptables.lockFiles).toEqual([variant === "nft" ? undefined : "/dev/null"]);
  });
});

test.each([
  ["", "8080->80/tcp"],
  ["192.0.2.1", "192.0.2.1:8080->80/tcp"],
  ["2001:db8::1", "[2001:db8::1]:8080->80/tcp"],
])("formatPort() of a port of host address %j is %s", (hostIp, text) => {
  expect(formatPort({ ...PORT, hostIp })).toBe(text);
});
