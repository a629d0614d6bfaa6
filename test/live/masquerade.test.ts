import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { addOutside, pathFor, reached, rulesAbout, traced, type Variant } from "./masquerading.ts";

const BOTH = { 4: true, 6: true };
const NEITHER = { 4: false, 6: false };

/** What the lab's containers have in the host's rules, whoever made them. */
const TRACES = ["10.88.0.", "fd00:88::", "CNI-", '"net1"', "net: net1"];

let lab: Lab;
let netns: string;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  addOutside(lab);
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  base = {
    cniVersion: "1.1.0",
    name: "net1",
    type: "bridge",
    bridge: "br0",
    isDefaultGateway: true,
    ipMasq: true,
    ipam,
  };
});

afterEach(() => lab.dispose());

type More = Partial<Call> & { readonly variant?: Variant };

function call(command: string, config: unknown, { variant, ...more }: More = {}): Call {
  const environment = { ...(variant === undefined ? {} : { PATH: pathFor(lab, variant) }), ...more.environment };
  return { command, config, netns, ...more, environment };
}

function run(command: string, config: unknown, more: More = {}): Outcome {
  return lab.plugin("bridge", call(command, config, more));
}

function succeed(command: string, config: unknown, more: More = {}) {
  const outcome = run(command, config, more);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return command === "ADD" ? JSON.parse(outcome.stdout) : undefined;
}

function refuse(command: string, config: unknown, more: More = {}) {
  const outcome = run(command, config, more);
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

const backends: readonly [string, string | undefined, Variant][] = [
  ["no backend named", undefined, "nft"],
  ["nftables", "nftables", "nft"],
  ["iptables, kept in nf_tables", "iptables", "nft"],
  ["iptables-legacy", "iptables", "legacy"],
];

describe.each(backends)("ipMasq with %s", (_, ipMasqBackend, variant) => {
  const more = { variant };
  const config = () => ({ ...base, ...(ipMasqBackend === undefined ? {} : { ipMasqBackend }) });

  it("B33: masquerades both families from ADD on, CHECK finds it, DEL ends it without a trace", () => {
    const prevResult = succeed("ADD", config(), more);
    expect(reached(lab, netns)).toEqual(BOTH);
    expect(rulesAbout(lab, "10.88.0.2", "fd00:88::2")).toHaveLength(2);
    succeed("CHECK", { ...config(), prevResult }, more);
    succeed("DEL", { ...config(), prevResult }, more);
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
    succeed("DEL", config(), more);
  });

  it("gives each interface of a container its own: the end of one is not the end of the other", () => {
    succeed("ADD", config(), { ...more, ifname: "eth0" });
    const second = { ...config(), isDefaultGateway: false, isGateway: true };
    succeed("ADD", second, { ...more, ifname: "eth1" });
    succeed("DEL", second, { ...more, ifname: "eth1" });
    // Both answered ARP for both addresses, so that the host may know the one that stays by the MAC of the one that went.
    lab.run(["ip", "neighbour", "flush", "dev", "br0"]);
    expect(reached(lab, netns)).toEqual(BOTH);
    succeed("ADD", second, { ...more, ifname: "eth1" });
    succeed("DEL", config(), { ...more, ifname: "eth0" });
    expect(rulesAbout(lab, "10.88.0.3", "10.88.0.4", "fd00:88::3", "fd00:88::4")).toHaveLength(2);
    succeed("DEL", second, { ...more, ifname: "eth1" });
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it.each([
    ["without the namespace's path", { netns: "" }],
    ["with a path that is gone", { netns: "/run/netns/gone" }],
  ])("is ended by a DEL %s", (_way, gone) => {
    succeed("ADD", config(), more);
    succeed("DEL", config(), { ...more, ...gone });
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
    expect(lab.leases("net1").filter((name) => /^[0-9]/.test(name))).toEqual([]);
  });

  it.each([
    ["no ipMasq", { ipMasq: false }],
    ["the other backend", { ipMasqBackend: ipMasqBackend === "iptables" ? "nftables" : "iptables" }],
    ["an unknown backend", { ipMasqBackend: "ebtables" }],
    ["another bridge", { bridge: "br1" }],
  ])("is ended by a DEL whose configuration has %s by now", (_now, fields) => {
    succeed("ADD", config(), more);
    succeed("DEL", { ...base, ...fields }, more);
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("CHECK says what is missing, each rule or address", () => {
    const prevResult = succeed("ADD", config(), more);
    for (const tool of ["iptables", "ip6tables"]) lab.run([`${tool}-${variant}`, "-t", "nat", "-F"]);
    lab.try(["nft", "flush", "table", "inet", "cni_masquerade"]);
    lab.try(["nft", "flush", "map", "inet", "cni_masquerade", "sources6"]);
    const { code, msg } = refuse("CHECK", { ...config(), prevResult }, more);
    expect(code).toBe(104);
    expect(msg).toContain(
      ipMasqBackend === "iptables"
        ? `The iptables rule '-A POSTROUTING -s fd00:88::2/128 -m comment --comment "name: \\"net1\\" id: \\"c1\\"" -j CNI-`
        : "Address fd00:88::2 is not masqueraded for this attachment",
    );
  });
});

describe("ipMasqBackend iptables", () => {
  const config = () => ({ ...base, ipMasqBackend: "iptables" });

  it.each(["nft", "legacy"] as const)("has the reference's comments and form of names (%s)", (variant) => {
    succeed("ADD", config(), { variant });
    const listing = lab.run([`iptables-${variant}`, "-t", "nat", "-S"]).split("\n");
    const [, chain = ""] = /-N (CNI-[0-9a-f]{24})$/m.exec(listing.join("\n")) ?? [];
    const comment = String.raw`-m comment --comment "name: \"net1\" id: \"c1\""`;
    expect(listing.filter((line) => line.startsWith("-A"))).toEqual([
      `-A POSTROUTING -s 10.88.0.2/32 ${comment} -j ${chain}`,
      `-A ${chain} -d 10.88.0.0/24 ${comment} -j ACCEPT`,
      `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    ]);
  });

  it("starts one command for each family in ADD, and none in DEL where nf_tables keeps the rules", () => {
    const add = traced(lab, "bridge", call("ADD", config(), { variant: "nft" }));
    expect(add.outcome.status).toBe(0);
    expect(add.started.sort()).toEqual(["bridge", "ip6tables-restore", "iptables-restore"]);
    const del = traced(lab, "bridge", call("DEL", config(), { variant: "nft" }));
    expect(del.outcome.status).toBe(0);
    expect(del.started).toEqual(["bridge"]);
  });

  it("starts a listing and a removal for each family in a DEL of iptables-legacy's rules", () => {
    succeed("ADD", config(), { variant: "legacy" });
    const { outcome, started } = traced(lab, "bridge", call("DEL", config(), { variant: "legacy" }));
    expect(outcome.status).toBe(0);
    expect(started.filter((name) => name.startsWith("ip")).sort()).toEqual([
      "ip6tables-legacy",
      "ip6tables-legacy-restore",
      "iptables-legacy",
      "iptables-legacy-restore",
    ]);
  });

  it("a DEL of nftables' starts no command, although both tables of iptables are full of others' rules", () => {
    for (const variant of ["nft", "legacy"]) {
      for (const tool of ["iptables", "ip6tables"]) {
        lab.run([`${tool}-${variant}`, "-t", "nat", "-A", "POSTROUTING", "-o", "up1", "-j", "MASQUERADE"]);
      }
    }
    succeed("ADD", { ...base, ipMasqBackend: "nftables" });
    const { outcome, started } = traced(lab, "bridge", call("DEL", { ...base, ipMasqBackend: "nftables" }));
    expect(outcome.status).toBe(0);
    expect(started).toEqual(["bridge"]);
    expect(rulesAbout(lab, "up1")).toHaveLength(4);
  });

  it("is refused before anything is touched where there is no command, with what to install", () => {
    const wrapper = ["unshare", "--mount", "sh", "-ec", HIDE_SBIN, "sh"];
    const { code, msg } = refuse("ADD", config(), { wrapper });
    expect({ code, msg }).toEqual({
      code: 2,
      msg: 'Cannot use ipMasqBackend "iptables": iptables-restore is neither in PATH nor in /usr/local/sbin, /usr/sbin, /sbin, /usr/local/bin, /usr/bin, /bin: install iptables',
    });
    expect(lab.ip("link show type bridge")).toEqual([]);
    expect(lab.leases("net1")).toEqual([]);
  });

  it("a command that refuses undoes the whole ADD, and is quoted", () => {
    const folder = path.join(lab.dir, "broken");
    fs.mkdirSync(folder);
    const script = "#!/bin/sh\necho 'unable to initialize table nat' >&2\nexit 3\n";
    for (const name of ["iptables-restore", "ip6tables-restore"])
      fs.writeFileSync(path.join(folder, name), script, { mode: 0o755 });
    const { code, msg } = refuse("ADD", config(), { environment: { PATH: `${folder}:${process.env["PATH"]}` } });
    expect({ code, msg }).toEqual({
      code: 107,
      msg: `Cannot masquerade with iptables: ${folder}/iptables-restore ended with status 3: unable to initialize table nat`,
    });
    expect(lab.ip("link show type veth").filter((link) => Object(link).ifname !== "up0")).toEqual([]);
    expect(lab.leases("net1").filter((name) => /^[0-9]/.test(name))).toEqual([]);
  });

  it("waits for the xtables lock, and then goes on", async () => {
    const { file, release } = await holdLock();
    const adding = lab.start(
      "bridge",
      call("ADD", config(), { variant: "legacy", environment: { XTABLES_LOCKFILE: file } }),
    );
    await untilWaitedFor(file);
    expect(rulesAbout(lab, "CNI-")).toEqual([]);
    await release();
    expect(await adding.ended).toMatchObject({ status: 0, stderr: "" });
    expect(reached(lab, netns)).toEqual(BOTH);
  });

  it("says after 30 seconds that the lock is held, and leaves nothing", async () => {
    const { file, release } = await holdLock();
    const begin = performance.now();
    const { code, msg } = refuse("ADD", config(), { variant: "legacy", environment: { XTABLES_LOCKFILE: file } });
    // A busy machine adds what it likes.
    expect(performance.now() - begin).toBeGreaterThanOrEqual(30_000);
    expect(code).toBe(11);
    expect(msg).toMatch(
      /^Cannot masquerade with iptables: \S+\/iptables-restore has changed nothing: another program has held the xtables lock for 30 seconds$/,
    );
    await release();
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
    expect(lab.leases("net1").filter((name) => /^[0-9]/.test(name))).toEqual([]);
  });
});

describe("what a reference plugin's ADD left", () => {
  const reference = () => ({ bin: referenceDir() });

  it.each(backends)("is deleted by our DEL: %s", (_, ipMasqBackend, variant) => {
    const config = { ...base, ...(ipMasqBackend === undefined ? {} : { ipMasqBackend }) };
    const prevResult = succeed("ADD", config, { ...reference(), variant });
    expect(reached(lab, netns)).toEqual(BOTH);
    succeed("CHECK", { ...config, prevResult }, { variant });
    succeed("DEL", { ...config, prevResult }, { variant });
    expect(rulesAbout(lab, ...TRACES).filter((line) => !line.startsWith("comment"))).toEqual([]);
  });

  it.each(backends)(
    "is deleted without prevResult, namespace and the right backend: %s",
    (_, ipMasqBackend, variant) => {
      const config = { ...base, ...(ipMasqBackend === undefined ? {} : { ipMasqBackend }) };
      succeed("ADD", config, { ...reference(), variant });
      succeed("ADD", config, { ...reference(), variant, containerId: "c2", netns: lab.addNamespace("c2") });
      succeed("DEL", base, { variant, netns: "" });
      expect(rulesAbout(lab, "10.88.0.2", "fd00:88::2", '"c1"', "id: c1")).toEqual([]);
      expect(rulesAbout(lab, "10.88.0.3", "fd00:88::3")).toHaveLength(2);
    },
  );

  it.each(["nft", "legacy"] as const)("keeps the chain for a second interface that shares it (%s)", (variant) => {
    const config = { ...base, ipMasqBackend: "iptables" };
    const second = { ...config, isDefaultGateway: false, isGateway: true };
    const prevResult = succeed("ADD", config, { ...reference(), variant });
    const other = succeed("ADD", second, { ...reference(), variant, ifname: "eth1" });
    succeed("DEL", { ...second, prevResult: other }, { variant, ifname: "eth1" });
    expect(reached(lab, netns)).toEqual(BOTH);
    succeed("DEL", { ...config, prevResult }, { variant });
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });
});

it("without ipMasq nobody outside answers", () => {
  succeed("ADD", { ...base, ipMasq: false });
  expect(reached(lab, netns, { seconds: 1 })).toEqual(NEITHER);
});

/** Runs what follows with an empty folder where the commands of iptables are. */
const HIDE_SBIN = `mount -t tmpfs none /usr/sbin; PATH=/nowhere exec "$@"`;

/** Another process holds the lock of iptables-legacy until it is told to let go. */
/** Waits until a process waits for the lock on a file: a line with "->". proc_locks(5) */
async function untilWaitedFor(file: string): Promise<void> {
  const waiter = new RegExp(`-> FLOCK .*:${fs.statSync(file).ino} `);
  await vi.waitUntil(() => waiter.test(fs.readFileSync("/proc/locks", "utf8")), { timeout: 60_000, interval: 10 });
}

async function holdLock(): Promise<{ file: string; release: () => Promise<unknown> }> {
  const file = path.join(lab.dir, "xtables.lock");
  const holder = spawn("flock", [file, "sh", "-c", "echo held; read line"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return {
    file,
    release: () => {
      holder.stdin.end();
      return once(holder, "close");
    },
  };
}
