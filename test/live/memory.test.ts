import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { binDir, type Call, isNative, Lab, type Outcome } from "../lab.ts";

const LEASES = 20_000;

let lab: Lab;
let netns: string;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterAll(() => lab.dispose(), 120_000);

/** Keeps a process at its end for half a second. */
const HELD_AT_END = [
  "strace",
  "-f",
  "--seccomp-bpf",
  "-qq",
  "-o",
  "/dev/null",
  ...["-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=500000"],
];

/**
 * Sizes in /proc/PID/status. VmHWM: the most memory at a time, with the pages of the executable, which all processes share. RssAnon: the
 * memory that a process has for itself. proc_pid_status(5)
 */
type Size = "VmHWM" | "RssAnon";

/** Runs a plugin and finds the most memory that its process had at a time, in MB. */
async function measure(name: string, call: Call, size: Size = "VmHWM"): Promise<{ outcome: Outcome; peak: number }> {
  const { ended } = lab.start(name, { ...call, wrapper: HELD_AT_END });
  return { peak: await peakUntil(ended, size), outcome: await ended };
}

async function peakUntil(ended: Promise<unknown>, size: Size = "VmHWM"): Promise<number> {
  let peak = 0;
  let isOver = false;
  void ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    peak = Math.max(peak, ...lab.running().map((pid) => sizeOf(pid, size)));
    await sleep(20);
  }
  if (peak === 0) throw new Error("Expected to see the memory of the call's process");
  return peak;
}

/** A size of a process that runs an executable under test, in MB; 0 of any other. */
function sizeOf(pid: number, size: Size): number {
  try {
    if (path.dirname(fs.readlinkSync(`/proc/${pid}/exe`)) !== binDir) return 0;
    const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${size}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
  } catch {
    return 0;
  }
}

function config(members: object = {}) {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.1.0.0/16" }]] };
  const bridge = { bridge: "br0", isGateway: true, ipMasq: true };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...bridge, ipam, ...members };
}

/** A folder with the network's list; returns its path. */
function writeList(name: string): string {
  const folder = path.join(lab.dir, name);
  fs.mkdirSync(folder);
  const list = { cniVersion: "1.1.0", name: "net1", plugins: [config()] };
  fs.writeFileSync(path.join(folder, "net1.conflist"), JSON.stringify(list));
  return folder;
}

/** Node.js by itself has 60 MB, and collects late. */
const limit = (megabytes: number) => (isNative ? megabytes : 128 + 4 * megabytes);

test.each([
  ["less than 1 MB for themselves", "RssAnon", 1],
  ["less than 7 MB with the executable's pages", "VmHWM", 7],
] as const)("ADD, CHECK and DEL of bridge take %s", async (_, size, most) => {
  const added = await measure("bridge", { command: "ADD", config: config(), netns }, size);
  expect(added.outcome).toMatchObject({ status: 0 });
  const prevResult = JSON.parse(added.outcome.stdout);
  const peaks = [added.peak];
  for (const command of ["CHECK", "DEL"]) {
    const { outcome, peak } = await measure("bridge", { command, config: config({ prevResult }), netns }, size);
    expect(outcome).toMatchObject({ status: 0 });
    peaks.push(peak);
  }
  for (const peak of peaks) expect(peak).toBeGreaterThan(0.1);
  for (const peak of peaks) expect(peak).toBeLessThan(limit(most));
});

/** As many leases as there are, and whose they are. */
function makeLeases(nameOf = (i: number) => `container-${i}`) {
  const folder = path.join(lab.dataDir, "net1");
  fs.mkdirSync(folder, { recursive: true });
  return Array.from({ length: LEASES }, (_, i) => {
    const attachment = { containerID: nameOf(i), ifname: "eth0" };
    const address = `10.1.${(i + 10) >> 8}.${(i + 10) & 255}`;
    fs.writeFileSync(path.join(folder, address), `${attachment.containerID}\r\n${attachment.ifname}`);
    return attachment;
  });
}

test(`ADD, STATUS and GC with ${LEASES} leases take less than 64 MB`, async () => {
  const attachments = makeLeases();
  const valid = attachments.filter((_, i) => i % 2 === 0);
  const peaks: Record<string, number> = {};
  for (const [command, members] of [
    ["STATUS", {}],
    ["ADD", {}],
    ["DEL", {}],
    ["GC", { "cni.dev/valid-attachments": valid }],
  ] as const) {
    const { outcome, peak } = await measure("bridge", { command, config: config(members), netns });
    expect(outcome, command).toMatchObject({ status: 0 });
    peaks[command] = peak;
  }
  for (const peak of Object.values(peaks)) expect(peak).toBeLessThan(limit(64));
  expect(fs.readdirSync(path.join(lab.dataDir, "net1")).filter((name) => name.startsWith("10.")).length).toBe(
    valid.length,
  );
});

test(`cnictl leases, ps and metrics with ${LEASES} leases of 64-digit IDs take less than 64 MB`, async () => {
  const conf = writeList("views");
  makeLeases((i) => String(i).padStart(64, "0123456789abcdef"));
  const variables = [`NETCONFPATH=${conf}`, `CNI_PATH=${binDir}`, `CNI_TEST_LAB=${lab.id}`];
  for (const line of ["leases", "leases --json", "ps", "ps --json", "metrics"]) {
    const cnictl = [path.join(binDir, "cnictl"), ...line.split(" "), "--cache-dir", path.join(lab.dir, "none")];
    const argv = [`--net=${lab.host}`, "--", "env", ...variables, ...HELD_AT_END, ...cnictl];
    const child = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
    });
    const ended = once(child, "exit");
    const peak = await peakUntil(ended);
    expect(await ended, line).toEqual([0, null]);
    expect(length, line).toBeGreaterThan(line === "metrics" ? 500 : 50 * LEASES);
    expect(peak, line).toBeLessThan(limit(64));
  }
});

test(`cnictl gc of a network with ${LEASES} attachments, one of them gone, takes less than 64 MB`, async () => {
  const conf = writeList("conf");
  const cache = path.join(lab.dir, "cache");
  const variables = [`NETCONFPATH=${conf}`, `CNI_PATH=${binDir}`, `CNI_TEST_LAB=${lab.id}`];
  const cnictl = [path.join(binDir, "cnictl")];
  lab.run(["env", ...variables, ...cnictl, "add", "net1", netns, "--cache-dir", cache]);
  const results = path.join(cache, "results");
  const [name = ""] = fs.readdirSync(results);
  const text = fs.readFileSync(path.join(results, name), "utf8");
  const { containerId } = JSON.parse(text);
  for (const { containerID } of makeLeases())
    fs.writeFileSync(
      path.join(results, name.replace(containerId, containerID)),
      text.replaceAll(containerId, containerID),
    );
  const stale = text.replaceAll(containerId, "stale").replaceAll(netns, "/run/netns/nonexistent");
  fs.writeFileSync(path.join(results, name.replace(containerId, "stale")), stale);
  const argv = ["env", ...variables, ...HELD_AT_END, ...cnictl, "gc", "net1", "--cache-dir", cache];
  const child = spawn("nsenter", [`--net=${lab.host}`, "--", ...argv], { stdio: "inherit" });
  const ended = once(child, "exit");
  const peak = await peakUntil(ended);
  expect(await ended).toEqual([0, null]);
  expect(peak).toBeLessThan(limit(64));
  expect(fs.readdirSync(results).length).toBe(LEASES + 1);
});
