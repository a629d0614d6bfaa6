import { beforeEach, describe, expect, test, vi } from "vitest";
import { C1, C2, chainOf, PortHost, referenceRules, SHARED_RULES } from "./port-host.ts";

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);

let host: PortHost;

const dns = { hostPort: 53, containerPort: 5353, protocol: "udp" };
const TWO = { containerId: "c2", ips: C2 };
const OTHER = { containerId: "c3", network: "net2", ips: ["10.88.0.4/16"] };

const valid = (containerID: string, addresses?: readonly string[]) => ({ containerID, ifname: "eth0", addresses });

/** Which containers' ports are mapped, by either backend, in IPv4. */
function mapped(): readonly string[] {
  const rules = host.iptables.rules().filter((line) => line.includes("-j DNAT"));
  const found = [...rules, ...host.targets()].flatMap((text) => /10\.88\.0\.\d/.exec(text) ?? []);
  return found.sort();
}

describe.each([
  { backend: "nftables", variant: "nft" },
  { backend: "iptables", variant: "nft" },
  { backend: "iptables", variant: "legacy" },
] as const)("GC of mappings by $backend beside iptables-$variant", ({ backend, variant }) => {
  /** c1 and c2 on the network, c3 on another, each with a UDP port that is in use. */
  beforeEach(() => {
    host = new PortHost();
    host.iptables.variant = variant;
    host.add([dns], { backend });
    host.add([{ ...dns, hostPort: 54 }], { backend }, TWO);
    host.add([{ ...dns, hostPort: 55 }], { backend }, OTHER);
    for (const [port, to] of [
      [53, "10.88.0.2"],
      [54, "10.88.0.3"],
      [55, "10.88.0.4"],
    ] as const)
      host.track(port, to, 5353);
  });

  const ALL = ["10.88.0.2", "10.88.0.3", "10.88.0.4"];

  test.each([
    { title: "everything of the network, but of no other, if nothing is valid", list: [], left: [ALL[2]] },
    { title: "what is not valid", list: [valid("c2")], left: [ALL[1], ALL[2]] },
    { title: "another interface's of a valid container", list: [{ ...valid("c1"), ifname: "eth1" }], left: [ALL[2]] },
    { title: "nothing of valid attachments", list: [valid("c1"), valid("c2")], left: ALL },
    { title: "nothing without a list", list: undefined, left: ALL },
  ])("deletes $title", ({ list, left }) => {
    host.gc(list);
    expect(mapped()).toEqual(left);
    expect(host.iptables.chains().filter((name) => name.startsWith("CNI-DN-"))).toHaveLength(
      backend === "iptables" ? left.length : 0,
    );
    const before = host.kernel.snapshot();
    host.gc(list);
    expect(host.kernel.snapshot()).toEqual(before);
  });

  test.each([
    {
      title: "keeps mappings to the addresses that valid attachments have",
      addresses: ["10.88.0.2", "fd00:88::2"],
      left: ALL,
    },
    {
      title: "deletes mappings to addresses that they have no longer",
      addresses: ["10.88.0.9"],
      left: [ALL[1], ALL[2]],
    },
    { title: "deletes all of an attachment without addresses", addresses: [], left: [ALL[1], ALL[2]] },
    { title: "keeps mappings if the addresses are not known", addresses: undefined, left: ALL },
  ])("$title", ({ addresses, left }) => {
    host.gc([valid("c1", addresses), valid("c2", ["10.88.0.3", "fd00:88::3"])]);
    expect(mapped()).toEqual(left);
    expect(host.connections).toEqual(left === ALL ? [53, 54, 55] : [54, 55]);
  });
});

describe("GC of mappings by nftables", () => {
  test("deletes the tracked UDP connections of what it deletes", () => {
    host = new PortHost();
    host.add([dns]);
    host.add([{ ...dns, hostPort: 54 }], {}, TWO);
    host.track(53, "10.88.0.2", 5353);
    host.track(54, "10.88.0.3", 5353);
    host.track(56, "10.88.0.2", 5353);
    host.gc([valid("c2", ["10.88.0.9", "fd00:88::9"])]);
    expect(host.connections).toEqual([56]);
    expect(host.targets()).toEqual([]);
  });

  test("deletes the rest where one part fails", () => {
    host = new PortHost();
    host.add([dns]);
    host.add([{ ...dns, hostPort: 54 }], { backend: "iptables" }, TWO);
    host.iptables.before.push({ status: 4, stderr: "holding the xtables lock" });
    const of = (what: string) =>
      expect.objectContaining({
        code: 11,
        message: expect.stringContaining(`Cannot delete iptables rules of network net1's ${what}: `),
      });
    expect(() => host.gc([])).toThrow(of("stale attachments"));
    expect(host.targets()).toEqual([]);
    host.iptables.before.push({ status: 4, stderr: "holding the xtables lock" });
    expect(() => host.gc([valid("c2", ["10.88.0.9"])])).toThrow(of("outdated addresses"));
    host.gc([]);
    expect(mapped()).toEqual([]);
  });

  test("starts no command where there are no iptables rules", () => {
    host = new PortHost();
    host.add([dns]);
    host.gc([valid("c1", ["10.88.0.9"])]);
    expect(host.iptables.commands).toEqual([]);
  });
});

describe.each(["nft", "legacy"] as const)("GC of the Go plugin's rules in iptables-%s", (variant) => {
  beforeEach(() => {
    host = new PortHost();
    host.iptables.variant = variant;
    host.iptables.restore(4, [...SHARED_RULES, ...referenceRules("c1", "10.88.0.2:80")]);
    host.iptables.restore(4, referenceRules("c3", "10.88.0.4:80", "net2"));
  });

  test("deletes a container's with its last interface, of this network alone", () => {
    host.gc([{ ...valid("c1"), ifname: "eth1" }]);
    expect(mapped()).toEqual(["10.88.0.2", "10.88.0.4"]);
    host.gc([valid("c2")]);
    expect(mapped()).toEqual(["10.88.0.4"]);
  });

  test("leaves them to valid attachments whose addresses are others by now: the Go plugin made them", () => {
    host.gc([valid("c1", ["10.88.0.9"])]);
    expect(mapped()).toEqual(["10.88.0.2", "10.88.0.4"]);
  });

  test("leaves a chain that someone else's rule leads to, and rules that are nobody's", () => {
    const foreign = "-A CNI-HOSTPORT-DNAT -m comment --comment mine -j MINE";
    host.iptables.restore(4, ["-N MINE", foreign]);
    host.gc([]);
    expect(host.iptables.rules()).toContain(foreign);
    expect(host.iptables.chains()).toContain("MINE");
    expect(mapped()).toEqual(["10.88.0.4"]);
  });
});

test("GC keeps iptables mappings of which one leads to a current address", () => {
  host = new PortHost();
  host.add([dns], { backend: "iptables" }, { ips: [...C1] });
  const rule = host.iptables.rules().find((line) => line.includes("-j DNAT")) ?? "";
  host.iptables.restore(4, [rule.replace("10.88.0.2", "10.88.0.8")]);
  host.gc([valid("c1", ["10.88.0.8", "fd00:88::2"])]);
  expect(host.iptables.chains()).toContain(chainOf());
  host.gc([valid("c1", ["10.88.0.9", "fd00:88::2"])]);
  expect(host.iptables.chains()).not.toContain(chainOf());
  expect(host.iptables.chains(6)).toContain(chainOf());
});

test("GC keeps iptables mappings that it cannot list", () => {
  host = new PortHost();
  host.iptables.variant = "nft";
  host.add([dns], { backend: "iptables" });
  host.iptables.missing.add("iptables").add("iptables-nft");
  host.gc([valid("c1", ["10.88.0.9"])]);
  expect(host.iptables.chains()).toContain(chainOf());
  expect(host.iptables.chains(6)).not.toContain(chainOf());
});

test("GC looks at each mapping's address only if it is given the attachments' addresses", () => {
  host = new PortHost();
  host.add([dns]);
  const count = (addresses?: readonly string[]) => {
    const before = host.kernel.requests;
    host.gc([valid("c1", addresses)]);
    return host.kernel.requests - before;
  };
  expect(count()).toBeLessThan(count(["10.88.0.2", "fd00:88::2"]));
});
