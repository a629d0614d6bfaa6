import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, SHAPES } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins, Side } from "./twins.ts";

const [OLD, OTHER, NEW] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "c2:11:22:33:44:55"];

const macs = [OLD, OTHER, NEW];

/** A container with an interface of its own, which a test may change. */
function addInterface(side: Side): void {
  const peer = `type veth peer name other address ${OTHER}`;
  side.lab.run(`ip link add eth0 address ${OLD} ${peer}`.split(" "), side.netns());
}

function config(
  side: Side,
  { cniVersion = "1.0.0", ...more }: Readonly<Record<string, unknown>> & { cniVersion?: string },
) {
  const isOld = ["0.1.0", "0.2.0"].includes(cniVersion);
  const ips = [{ ...(cniVersion.startsWith("0.") && { version: "4" }), address: "10.0.0.2/24", interface: 0 }];
  const result = isOld
    ? { ip4: { ip: "10.0.0.2/24" } }
    : { interfaces: [{ name: "eth0", mac: OLD, sandbox: side.netns() }], ips };
  const dataDir = path.join(side.lab.dir, "tuning");
  return { cniVersion, name: "test", type: "tuning", dataDir, prevResult: { cniVersion, ...result }, ...more };
}

/** What an ADD kept for DEL. */
function noteBackup(side: Side): void {
  const file = path.join(side.lab.dir, "tuning/c1_eth0.json");
  side.note("kept", fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : { none: true });
}

function tune(side: Side, fields: Readonly<Record<string, unknown>> & { cniVersion?: string }, args?: string): void {
  const call = { plugin: "tuning", ...(args !== undefined && { args }) };
  addInterface(side);
  const full = config(side, fields);
  side.add(full, call);
  noteBackup(side);
  if (knowsCheck(full.cniVersion)) side.check(full, call);
  for (let i = 0; i < 2; i++) side.del(full, call);
  noteBackup(side);
}

const NETWORK: Departure = {
  path: /kept (network|netns|ifindex)$/,
  reference: undefined,
  reason: "GC and DEL need to know whose the file is, and the reference takes no notice of it",
};

const MTU: Departure = {
  path: /ADD c1 result interfaces 0 mtu$/,
  reason: "The result names the MTU that the interface has now",
};

const all = { mac: NEW, promisc: true, mtu: 4000, txQLen: 20_000 };

describe("tuning like the reference", () => {
  it.each(ALL_VERSIONS)(
    "hands prevResult on, and keeps nothing for DEL when it sets parameters of the kernel, %s",
    (cniVersion) => {
      const sysctl = { "net.ipv4.conf.all.log_martians": "1", "net.ipv4.conf.IFNAME.arp_filter": "1" };
      expectTwins((side) => tune(side, { cniVersion, sysctl }), { macs });
    },
  );

  it.each(SHAPES)("sets and puts back MAC, promiscuity, MTU and queue, %s", (cniVersion) => {
    const departures = cniVersion.startsWith("1.") ? [NETWORK, MTU] : [NETWORK];
    expectTwins((side) => tune(side, { cniVersion, ...all }), { macs, departures });
  });

  it.each<[string, Readonly<Record<string, unknown>>, string?]>([
    ["promisc", { promisc: true }],
    ["promisc of args", { args: { cni: { promisc: true } } }],
    ["txQLen", { txQLen: 20_000 }],
    ["txQLen of args", { txQLen: 1, args: { cni: { txQLen: 20_000 } } }],
    ["allmulti", { allmulti: true }],
    ["allmulti of args", { args: { cni: { allmulti: true } } }],
    ["mac", { mac: NEW }],
    ["mac of args", { mac: OTHER, args: { cni: { mac: NEW } } }],
    ["mac of CNI_ARGS", { mac: OTHER }, `IgnoreUnknown=true;MAC=${NEW}`],
    ["mac of runtimeConfig", { mac: OTHER, RuntimeConfig: { mac: NEW } }, `MAC=${OTHER}`],
    ["mac of args, before runtimeConfig", { args: { cni: { mac: NEW } }, runtimeConfig: { mac: OTHER } }],
  ])("sets and puts back %s", (_, fields, args) => {
    expectTwins((side) => tune(side, fields, args), { macs, departures: [NETWORK] });
  });

  it.each([
    ["mtu", { mtu: 1454 }],
    ["mtu of args", { mtu: 1000, args: { cni: { mtu: 1454 } } }],
  ])("sets and puts back %s", (_, fields) => {
    expectTwins((side) => tune(side, fields), { macs, departures: [NETWORK, MTU] });
  });

  it("keeps the file in a folder whose path is relative to the working directory", () => {
    const dataDirOf = (side: Side) => path.relative(process.cwd(), path.join(side.lab.dir, "tuning"));
    expectTwins((side) => tune(side, { mac: NEW, dataDir: dataDirOf(side) }), { macs, departures: [NETWORK] });
  });

  it("refuses parameters that are there twice, others than network parameters, and an interface name with a slash", () => {
    const departures: Departure[] = [
      {
        path: /ADD c1 error$/,
        reference: 999,
        ours: 7,
        reason: "What the configuration does wrong has a code of its own",
      },
    ];
    const scenario = (side: Side) => {
      addInterface(side);
      const sysctl = { "net.ipv4.conf.all.log_martians": "1", first: "0" };
      const text = JSON.stringify(config(side, { sysctl })).replace("first", "net.ipv4.conf.all.log_martians");
      const call = { plugin: "tuning", fails: true };
      const twice = side.lab.plugin("tuning", { bin: side.bin, command: "ADD", config: text, netns: side.netns() });
      side.note("ADD c1", { error: JSON.parse(twice.stdout).code });
      side.add(config(side, { sysctl: { "kernel.hostname": "x" } }), call);
      side.add(config(side, {}), { ...call, ifname: "et/h0" });
      side.observe("then");
    };
    expectTwins(scenario, { macs, departures });
  });

  it("CHECK refuses what has changed since", () => {
    const departures: Departure[] = [
      NETWORK,
      MTU,
      { path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "What CHECK finds has a code of its own" },
    ];
    const scenario = (side: Side) => {
      tune(side, { cniVersion: "1.0.0", ...all });
      side.check(config(side, all), { plugin: "tuning", fails: true });
    };
    expectTwins(scenario, { macs, departures });
  });
});

describe("tuning", () => {
  it.each([
    ["the reference's, what ours kept", () => [binDir, referenceDir()]],
    ["ours, what the reference's kept", () => [referenceDir(), binDir]],
  ] as const)("DEL of %s", (_, folders) => {
    const [first = "", second = ""] = folders();
    const side = new Side(first, { isReference: false });
    try {
      addInterface(side);
      const show = () => Object(side.lab.ip("link show dev eth0", side.netns())[0]);
      const before = show();
      side.add(config(side, all), { plugin: "tuning" });
      expect(show()).toMatchObject({ address: NEW, mtu: 4000, txqlen: 20_000 });
      side.del(config(side, all), { plugin: "tuning", bin: second });
      expect(show()).toEqual(before);
      expect(fs.readdirSync(path.join(side.lab.dir, "tuning"))).toEqual([]);
    } finally {
      side.lab.dispose();
    }
  });

  it("unlike the reference's, puts back the parameters of an ADD that fails", () => {
    const results = [referenceDir(), binDir].map((bin) => {
      const side = new Side(bin, { isReference: false });
      try {
        addInterface(side);
        const sysctl = { "net.core.somaxconn": "77" };
        const { status } = side.step("ADD", config(side, { sysctl, mtu: 70_000 }), { plugin: "tuning" });
        return [status, side.lab.run(["cat", "/proc/sys/net/core/somaxconn"], side.netns()).trim()];
      } finally {
        side.lab.dispose();
      }
    });
    expect(results).toEqual([
      [1, "77"],
      [1, "4096"],
    ]);
  });
});
