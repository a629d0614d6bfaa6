import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, tracesOf } from "./traces.ts";

/**
 * Which part of the 1,000 cycles is run: 1 is all. Unless told, all of them, and 0.4 on the executables of Node.js (a folder
 * named pkg), whose processes take about three times as long: then either is done while the plugins below hang.
 */
const RATIO = Number(process.env["CNI_TEST_ENDURANCE"] ?? (path.basename(binDir) === "pkg" ? 0.4 : 1));

const CYCLES = Math.ceil(1000 * RATIO);

/** Containers that come and go side by side. */
const LANES = 4;

let lab: Lab;
let other: Lab;
let containers: readonly string[] = [];

beforeAll(() => {
  lab = new Lab();
  other = new Lab();
});

afterAll(() => {
  lab.dispose();
  other.dispose();
});

function config(members: object = {}): Record<string, unknown> {
  const ranges = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00:1::/64" }]];
  const common = { bridge: "br0", isGateway: true, isDefaultGateway: true, ipMasq: true };
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...common, ipam, ...members };
}

/** What no namespace shows: who has one of the lab's open, mounts, stray files. */
function leftovers(): object {
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return {
    holders: holdersOf([lab.host, ...containers].map((netns) => `net:[${fs.statSync(netns).ino}]`)),
    mounts: mounts.filter((line) => line.includes(lab.id)).length,
    home: fs.readdirSync(`${lab.dir}/home`),
    temporary: fs.readdirSync(`${lab.dir}/tmp`),
  };
}

/** Processes that are in one of the namespaces, or have it open. */
function holdersOf(namespaces: readonly string[]): string[] {
  const pids = fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return pids.filter((pid) => linksOf(pid).some((link) => namespaces.includes(link)));
}

function linksOf(pid: string): string[] {
  try {
    const fds = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`);
    return ["ns/net", ...fds].map((name) => linkOf(`/proc/${pid}/${name}`));
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    return "";
  }
}

/** ADD, CHECK and DEL of one container. */
async function cycle(lane: number): Promise<void> {
  const call = { netns: containers[lane] ?? "", containerId: `c${lane}` };
  const added = await succeed({ command: "ADD", config: config(), ...call });
  await succeed({ command: "CHECK", config: config({ prevResult: JSON.parse(added.stdout) }), ...call });
  await succeed({ command: "DEL", config: config(), ...call });
}

async function succeed(call: Call): Promise<Outcome> {
  const environment = { HOME: `${lab.dir}/home`, TMPDIR: `${lab.dir}/tmp` };
  const outcome = await lab.start("bridge", { ...call, environment }).ended;
  expect(outcome, call.command).toMatchObject({ status: 0, stderr: "" });
  return outcome;
}

async function repeat(count: number, lane: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await cycle(lane);
}

/** The first cycle makes what stays: the bridge, its addresses, the rule set without elements, the notes in the folder. */
async function settle(): Promise<void> {
  fs.mkdirSync(`${lab.dir}/home`);
  fs.mkdirSync(`${lab.dir}/tmp`);
  containers = Array.from({ length: LANES }, (_, lane) => lab.addNamespace(`c${lane}`));
  await cycle(0);
}

/** Everything but the numbers of the last addresses. */
function traces(): object {
  const { files, ...rest } = tracesOf(lab, containers);
  return { ...rest, files: Object.keys(files) };
}

describe.concurrent("bridge", () => {
  test(`${CYCLES} cycles of ADD, CHECK and DEL leave nothing`, { timeout: 600_000 }, async () => {
    await settle();
    const before = { ...traces(), ...leftovers() };
    const started = performance.now();
    const perLane = Math.ceil(CYCLES / LANES);
    await Promise.all(containers.map((_, lane) => repeat(perLane, lane)));
    console.log(`${perLane * LANES} cycles: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    expect({ ...traces(), ...leftovers() }).toEqual(before);
    expect(lab.leases("net1")).toEqual([".state", "last_reserved_ip.0", "last_reserved_ip.1"]);
    expect(fs.readdirSync(`${lab.dataDir}/net1/.state/attachments`)).toEqual([]);
  });

  // These wait, side by side with the cycles.
  test.each([
    ["hangs at ADD", "add", 'if [ "$CNI_COMMAND" = ADD ]; then exec sleep 1000; fi', 60],
    ["hangs at ADD and DEL", "both", "exec sleep 1000", 75],
    ["hangs at ADD, its output closed", "closed", '[ "$CNI_COMMAND" != ADD ] || exec sleep 1000 >&- 2>&-', 60],
    [
      "hangs at ADD, deaf to SIGTERM",
      "deaf",
      'trap "" TERM; [ "$CNI_COMMAND" != ADD ] || while :; do sleep 1; done',
      60,
    ],
  ])(
    "ADD whose IPAM plugin %s gives it up after a minute, and leaves nothing",
    { timeout: 200_000 },
    async (...row) => {
      const [, name, body, seconds] = row;
      const started = performance.now();
      const { netns, ended } = addWith(name, body);
      expect(errorOf(await ended)).toEqual({
        code: 109,
        msg: `Cannot wait longer for plugin "${name}": it did not end within 60 s`,
      });
      const elapsed = (performance.now() - started) / 1000;
      expect(elapsed).toBeGreaterThan(seconds);
      expect(elapsed).toBeLessThan(seconds + 15);
      expect(other.ip("link show", netns)).toHaveLength(1);
    },
  );
});

/** Starts an ADD, on a bridge of its own, whose IPAM plugin is a shell script of that name. */
function addWith(name: string, body: string): { netns: string; ended: Promise<Outcome> } {
  const folder = path.join(other.dir, "plugins");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const netns = other.addNamespace(name);
  const call = { command: "ADD", containerId: name, netns, environment: { CNI_PATH: folder } };
  const { ended } = other.start("bridge", { ...call, config: config({ bridge: `br-${name}`, ipam: { type: name } }) });
  return { netns, ended };
}

test("plugins that hung are gone, and so is all that was made for them", async () => {
  const end = performance.now() + 5000;
  while (other.running().length > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(other.processes()).toEqual([]);
  expect(other.ip("link show").map((link) => Object(link).ifname)).toEqual(["lo"]);
  expect(other.run(["nft", "list", "ruleset"])).toBe("");
});
