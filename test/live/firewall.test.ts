import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "./firewalling.ts";
import { pathFor, rulesAbout, traced, type Variant } from "./masquerading.ts";

// Two containers of network foo, one of network bar, each network a bridge, and an outside that knows the way to all of them.

const PAIRS = ["foo-1>foo-2", "foo-1>bar-1", "bar-1>foo-2", "foo-1>outside", "outside>foo-1", "bar-1>outside"];

/** What a ping to or from the outside and within a network can do. */
const OUT = ["foo-1>outside", "outside>foo-1", "bar-1>outside"];

const BACKENDS: readonly [string, string, Variant][] = [
  ["backend nftables", "nftables", "nft"],
  ["backend iptables, kept in nf_tables", "iptables", "nft"],
  ["backend iptables, legacy", "iptables", "legacy"],
];

let arena: Arena;

beforeAll(() => {
  arena = new Arena();
  arena.attach("foo-1", "foo-2", "bar-1");
});

afterAll(() => arena?.dispose());

/** The variables that make the iptables commands those of one variant. */
function commands(variant: Variant) {
  return { environment: { PATH: pathFor(arena.lab, variant) } };
}

/** Everything that a firewall may have, gone. */
function clearFirewalls(): void {
  for (const tool of ["iptables-legacy", "ip6tables-legacy"])
    arena.lab.run(["sh", "-ec", `${tool} -P FORWARD ACCEPT; ${tool} -F; ${tool} -X`]);
  arena.lab.run(["nft", "flush", "ruleset"]);
}

/** The host's rules and elements that hold an address of a container's. */
function rulesOf(name: string): string[] {
  const { addresses } = arena.get(name);
  return rulesAbout(arena.lab, `${addresses[4]} `, `${addresses[4]}/`, `${addresses[6]} `, `${addresses[6]}/`);
}

describe.each(BACKENDS)("ingressPolicy with %s", (_, backend, variant) => {
  beforeAll(clearFirewalls);

  it.each([
    ["open", PAIRS],
    ["same-bridge", ["foo-1>foo-2", ...OUT]],
    ["isolated", OUT],
  ])("%s lets through what it says, and nothing else, until DEL", (ingressPolicy, expected) => {
    clearFirewalls();
    const fields = { ingressPolicy, backend };
    for (const name of ["foo-1", "foo-2", "bar-1"]) {
      expect(arena.succeed("ADD", name, fields, commands(variant))).toEqual(arena.get(name).prevResult);
    }
    arena.succeed("CHECK", "foo-1", fields, commands(variant));
    expect(arena.reaching(...PAIRS)).toEqual(expected);
    for (const name of ["foo-1", "foo-2", "bar-1"]) {
      arena.succeed("DEL", name, fields, commands(variant));
      expect(rulesOf(name)).toEqual([]);
    }
  });
});

describe("ingressPolicy isolated", () => {
  beforeAll(clearFirewalls);

  it("keeps containers of one bridge apart also where bridges do not pass packets to iptables", () => {
    const toggle = (value: number) =>
      arena.lab.run([
        "sysctl",
        "-qw",
        ...["ip", "ip6"].map((word) => `net.bridge.bridge-nf-call-${word}tables=${value}`),
      ]);
    toggle(0);
    const fields = { ingressPolicy: "isolated" };
    for (const name of ["foo-1", "foo-2"]) arena.succeed("ADD", name, fields);
    expect(arena.reaching("foo-1>foo-2", "foo-1>outside")).toEqual(["foo-1>outside"]);
    for (const name of ["foo-1", "foo-2"]) arena.succeed("DEL", name, fields);
    expect(arena.reaching("foo-1>foo-2")).toEqual(["foo-1>foo-2"]);
    toggle(1);
  });

  it("holds as long as one container with a policy is on the bridge", () => {
    const fields = { ingressPolicy: "same-bridge" };
    for (const name of ["foo-1", "foo-2", "bar-1"]) arena.succeed("ADD", name, fields);
    arena.succeed("DEL", "foo-1", fields);
    expect(arena.reaching("foo-2>bar-1", "foo-1>bar-1", "foo-1>foo-2")).toEqual(["foo-1>foo-2"]);
    arena.succeed("DEL", "foo-2", fields);
    expect(arena.reaching("foo-2>bar-1", "foo-1>bar-1")).toEqual(["foo-2>bar-1", "foo-1>bar-1"]);
    arena.succeed("DEL", "bar-1", fields);
    expect(rulesAbout(arena.lab, '"foo"', '"bar"')).toEqual([]);
  });

  it("holds between networks of different backends", () => {
    arena.succeed("ADD", "foo-1", { ingressPolicy: "same-bridge", backend: "iptables" }, commands("legacy"));
    arena.succeed("ADD", "bar-1", { ingressPolicy: "same-bridge", backend: "nftables" });
    expect(arena.reaching("foo-1>bar-1", "bar-1>foo-1", "foo-1>outside")).toEqual(["foo-1>outside"]);
    for (const name of ["foo-1", "bar-1"]) arena.succeed("DEL", name, {});
  });

  it("is refused where prevResult names no bridge, before anything is made", () => {
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.88.1.2/24" }] };
    const { code, msg } = arena.refuse("ADD", "foo-1", { ingressPolicy: "isolated", prevResult });
    expect([code, msg]).toEqual([
      7,
      'Cannot use ingressPolicy "isolated": prevResult has no interfaces: chain firewall behind bridge',
    ]);
    expect(rulesAbout(arena.lab, "10.88.1.2")).toEqual([]);
  });
});

describe.each(["nft", "legacy"] as const)("iptables-%s whose FORWARD drops", (variant) => {
  const both = ["iptables", "ip6tables"].map((tool) => `${tool}-${variant}`);

  beforeAll(() => {
    clearFirewalls();
    for (const tool of both) arena.lab.run([tool, "-P", "FORWARD", "DROP"]);
  });

  it("lets a container out and answers in, and nobody else in, from ADD to DEL, without a backend in the configuration", () => {
    expect(arena.reaching(...OUT)).toEqual([]);
    // The commands found first are those of the other variant.
    const other = commands(variant === "nft" ? "legacy" : "nft");
    arena.succeed("ADD", "foo-1", { backend: "" }, other);
    expect(arena.reaching(...OUT)).toEqual(["foo-1>outside"]);
    arena.succeed("CHECK", "foo-1", {}, other);
    arena.succeed("DEL", "foo-1", {}, { netns: "" });
    expect(arena.reaching(...OUT)).toEqual([]);
    expect(rulesOf("foo-1")).toEqual([]);
  });

  it("is told of each container once, however often ADD is called, with one command for each family", () => {
    const call = arena.call("ADD", "foo-1", {}, commands(variant));
    const { outcome, started } = traced(arena.lab, "firewall", call);
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    expect(started.slice(1)).toEqual([`iptables-${variant}-restore`, `ip6tables-${variant}-restore`]);
    const again = traced(arena.lab, "firewall", call);
    expect(again.started).toEqual(["firewall"]);
    const { addresses } = arena.get("foo-1");
    expect(arena.lab.run([`iptables-${variant}`, "-S", "CNI-FORWARD"]).split("\n")).toEqual([
      "-N CNI-FORWARD",
      '-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
      `-A CNI-FORWARD -d ${addresses[4]}/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-A CNI-FORWARD -s ${addresses[4]}/32 -j ACCEPT`,
      "",
    ]);
    expect(traced(arena.lab, "firewall", arena.call("DEL", "foo-1")).started.slice(1)).toEqual(
      variant === "nft" ? [] : ["iptables-legacy-restore", "ip6tables-legacy-restore"],
    );
  });

  it("an operator's rule in the chain iptablesAdminChainName counts before ours", () => {
    const fields = { iptablesAdminChainName: "NOMAD-ADMIN" };
    for (const name of ["foo-1", "foo-2"]) arena.succeed("ADD", name, fields);
    for (const tool of both) {
      const address = arena.get("foo-1").addresses[tool.startsWith("ip6") ? 6 : 4];
      arena.lab.run([tool, "-A", "NOMAD-ADMIN", "-s", address, "-j", "DROP"]);
    }
    expect(arena.reaching("foo-1>outside", "foo-2>outside")).toEqual(["foo-2>outside"]);
    for (const name of ["foo-1", "foo-2"]) arena.succeed("DEL", name, fields);
    for (const tool of both) expect(arena.lab.run([tool, "-S", "NOMAD-ADMIN"])).toContain("-j DROP");
  });

  it("backend nftables says so, in ADD on standard error and in STATUS with code 50", () => {
    const refusal = `chain FORWARD of iptables-${variant} has policy DROP`;
    const call = arena.call("ADD", "foo-1", { backend: "nftables" });
    const outcome = arena.lab.plugin("firewall", call);
    expect(outcome).toMatchObject({ status: 0 });
    expect(outcome.stderr).toContain(`The container may be cut off: ${refusal}`);
    const { code, msg } = arena.refuse("STATUS", "foo-1", { backend: "nftables" });
    expect([code, msg]).toEqual([
      50,
      expect.stringContaining(`Containers would be cut off: ${refusal}: leave backend`),
    ]);
    arena.succeed("STATUS", "foo-1");
    arena.succeed("DEL", "foo-1");
  });
});

describe("the nftables chain admin", () => {
  beforeAll(clearFirewalls);

  it("is the operator's: what it drops is dropped, and no call changes it", () => {
    arena.succeed("ADD", "foo-1", {});
    const { addresses } = arena.get("foo-2");
    for (const rule of [`ip saddr ${addresses[4]} drop`, `ip6 saddr ${addresses[6]} drop`])
      arena.lab.run(["nft", "add", "rule", "inet", "cni_firewall", "admin", ...rule.split(" ")]);
    arena.succeed("ADD", "foo-2", {});
    arena.succeed("CHECK", "foo-2", {});
    expect(arena.reaching("foo-1>outside", "foo-2>outside")).toEqual(["foo-1>outside"]);
    for (const name of ["foo-1", "foo-2"]) arena.succeed("DEL", name, {});
    expect(arena.lab.run(["nft", "list", "chain", "inet", "cni_firewall", "admin"])).toContain(
      `saddr ${addresses[4]} drop`,
    );
  });
});

describe.each(BACKENDS)("what is left with %s", (_, backend, variant) => {
  const fields = { ingressPolicy: "same-bridge", backend };

  beforeAll(clearFirewalls);

  it("is nothing after a DEL without prevResult and namespace, whatever the configuration says by then, and DEL twice", () => {
    for (const name of ["foo-1", "foo-2"]) arena.succeed("ADD", name, fields, commands(variant));
    const bare = { prevResult: undefined, ingressPolicy: "none", backend: "other" };
    for (const netns of ["", "/run/netns/gone"]) arena.succeed("DEL", "foo-1", bare, { netns });
    expect(rulesOf("foo-1")).toEqual([]);
    expect(rulesOf("foo-2").length).toBeGreaterThan(2);
    arena.succeed("CHECK", "foo-2", fields, commands(variant));
  });

  it("is what GC is told of, and what is another network's", () => {
    for (const name of ["foo-1", "bar-1"]) arena.succeed("ADD", name, fields, commands(variant));
    const collect = (list: readonly string[]) => {
      const attachments = list.map((containerID) => ({ containerID, ifname: "eth0" }));
      arena.succeed("GC", "foo-1", { ...fields, "cni.dev/valid-attachments": attachments, prevResult: undefined });
    };
    arena.succeed("GC", "foo-1", fields);
    expect(rulesOf("foo-1")).not.toEqual([]);
    collect(["foo-2"]);
    expect(rulesOf("foo-1")).toEqual([]);
    arena.succeed("CHECK", "foo-2", fields, commands(variant));
    collect([]);
    expect(rulesOf("foo-2")).toEqual([]);
    arena.succeed("CHECK", "bar-1", fields, commands(variant));
    arena.succeed("DEL", "bar-1", fields);
  });

  it("CHECK names every difference, and ADD mends it", () => {
    arena.succeed("ADD", "foo-1", fields, commands(variant));
    const { addresses } = arena.get("foo-1");
    clearFirewalls();
    const { code, msg } = arena.refuse("CHECK", "foo-1", fields, commands(variant));
    expect(code).toBe(104);
    expect(msg).toContain("Nftables chain forward of table cni_firewall is missing");
    expect(msg).toContain(`Set containers4 of nftables table cni_firewall must have this attachment's ${addresses[4]}`);
    if (backend === "iptables")
      expect(msg).toContain(
        `Table filter of ip6tables-${variant} lacks '-A CNI-FORWARD -s ${addresses[6]}/128 -j ACCEPT'`,
      );
    arena.succeed("ADD", "foo-1", fields, commands(variant));
    arena.succeed("CHECK", "foo-1", fields, commands(variant));
    arena.succeed("DEL", "foo-1", fields);
  });

  it("20 ADDs at once, the first of all among them, leave what 20 in turn would", async () => {
    clearFirewalls();
    const calls = Array.from({ length: 20 }, (_each, index) => {
      const ips = [{ address: `10.88.200.${index + 2}/24` }, { address: `fd00:88:200::${index + 2}/64` }];
      const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "foo" }], ips };
      return (command: string) =>
        arena.call(command, "foo-1", { ...fields, prevResult }, { ...commands(variant), containerId: `many-${index}` });
    });
    const all = async (command: string) => {
      const outcomes = await Promise.all(calls.map((call) => arena.lab.start("firewall", call(command)).ended));
      expect(outcomes.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
    };
    await all("ADD");
    // Of each family the element, the policy's, and on iptables two rules.
    const found = rulesAbout(arena.lab, "10.88.200.", "fd00:88:200::").join("\n");
    expect(found.match(/10\.88\.200\.|fd00:88:200::/g)).toHaveLength(20 * (backend === "iptables" ? 8 : 4));
    const [first] = calls;
    expect(first && arena.lab.plugin("firewall", first("CHECK"))).toMatchObject({ status: 0 });
    await all("DEL");
    expect(rulesAbout(arena.lab, "10.88.200.", "fd00:88:200::", "many-")).toEqual([]);
  });
});

describe("firewall", () => {
  it("tells its name and a version that clients take for one of 1.1.0 or newer", () => {
    const { stderr, status } = arena.lab.plugin("firewall", { command: "", config: "" });
    expect(status).toBe(0);
    const [, major] = /^CNI firewall plugin v(\d+)\.\d+\.\d+\n/.exec(stderr) ?? [];
    expect(Number(major)).toBeGreaterThan(1);
  });

  it("speaks the versions that have prevResult in every verb", () => {
    const { stdout } = arena.lab.plugin("firewall", { command: "VERSION", config: "" });
    expect(JSON.parse(stdout).supportedVersions).toEqual(["0.4.0", "1.0.0", "1.1.0"]);
    expect(arena.refuse("ADD", "foo-1", { cniVersion: "0.3.1" }).code).toBe(1);
  });

  it.each([
    [{ prevResult: undefined }, "missing prevResult from earlier plugin"],
    [{ backend: "ipfw" }, 'Cannot use backend "ipfw": must be one of nftables, iptables, firewalld'],
    [{ ingressPolicy: "closed" }, 'Cannot use ingressPolicy "closed": must be one of open, same-bridge, isolated'],
    [
      { iptablesAdminChainName: "A\n-P INPUT DROP" },
      'Cannot use iptablesAdminChainName "A\\n-P INPUT DROP": must be 1',
    ],
    [{ iptablesAdminChainName: "CNI-FORWARD" }, 'Cannot use iptablesAdminChainName "CNI-FORWARD": must be a chain of'],
  ])("refuses %j before anything is made", (fields, message) => {
    clearFirewalls();
    const { code, msg } = arena.refuse("ADD", "foo-1", fields);
    expect([code, msg]).toEqual([7, expect.stringContaining(message)]);
    expect(arena.lab.run(["nft", "list", "ruleset"])).toBe("");
  });

  it("leaves nothing of an ADD that iptables refuses", () => {
    clearFirewalls();
    const folder = path.join(arena.lab.dir, "failing");
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "ip6tables-nft-restore"), "#!/bin/sh\necho no >&2; exit 3\n", { mode: 0o755 });
    const { environment } = commands("nft");
    const call = { environment: { PATH: `${folder}:${environment.PATH}` } };
    const { code, msg } = arena.refuse("ADD", "foo-1", { backend: "iptables" }, call);
    expect([code, msg]).toEqual([
      107,
      expect.stringMatching(/^Cannot let a container's addresses through iptables: .*: no$/),
    ]);
    expect(rulesOf("foo-1")).toEqual([]);
  });

  it("leaves nothing of an ADD whose backend is not there", () => {
    clearFirewalls();
    const environment = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent" };
    const { code, msg } = arena.refuse("ADD", "foo-1", { backend: "firewalld" }, { environment });
    expect([code, msg]).toEqual([
      2,
      expect.stringContaining('Cannot use backend "firewalld": it is not on the system'),
    ]);
    expect(arena.refuse("STATUS", "foo-1", { backend: "firewalld" }, { environment }).code).toBe(50);
    expect(rulesOf("foo-1")).toEqual([]);
  });
});
