import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab, type Outcome } from "../lab.ts";
import { leaseFiles, masqueraded } from "./traces.ts";

/** Where the moments come from: give the number that a failed run printed to see the same ones again. */
const SEED = Number(process.env["CNI_TEST_SEED"] ?? Date.now() % 1_000_000);

const ROUNDS = 50;

let lab: Lab;
let netns: string;
/** CNI_PATH on which host-local is a process of its own. */
let apart: string;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  apart = lab.pathWithCopy("host-local");
});

afterAll(() => lab.dispose());

/** Numbers from 0 to 1, the same ones for the same seed: xorshift32. */
function randomNumbers(seed: number): () => number {
  let state = (seed + 1) * 2_654_435_761;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function config(): Record<string, unknown> {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const members = {
    bridge: "br0",
    isGateway: true,
    ipMasq: true,
    ipam: { type: "host-local", dataDir: lab.dataDir, ranges },
  };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...members };
}

function run(command: string, members: object = {}): Outcome {
  return lab.plugin("bridge", { command, config: { ...config(), ...members }, netns });
}

/** A call and how many milliseconds it took. */
function timed(command: string): Outcome & { milliseconds: number } {
  const started = performance.now();
  return { ...run(command), milliseconds: performance.now() - started };
}

/** The processes that a process of ours has started, by any of its threads. */
function childrenOf(pid: number): number[] {
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`);
    const lists = threads.map((thread) => fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
    return lists.join(" ").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Whom to kill: bridge with host-local in its process, bridge alone, or host-local alone. */
const VICTIMS = ["both", "bridge", "host-local"] as const;

type Victim = (typeof VICTIMS)[number];

/** Kills the process itself or the child of it, if there still is one: it may end while it is looked for. */
function kill(pid: number, victim: Victim): void {
  const [target] = victim === "host-local" ? childrenOf(pid) : [pid];
  if (target === undefined || !lab.running().includes(target)) return;
  try {
    process.kill(target, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Waits for the process's first child, while the process runs. */
async function awaitChild(pid: number, isOver: () => boolean): Promise<void> {
  while (!isOver() && childrenOf(pid).length === 0) await sleep(0);
}

/** How long, in milliseconds, the victims have lived lately: the moments are spread over that. */
const spans = { both: 30, bridge: 50, "host-local": 30 };

/** Runs an ADD and kills one of its processes at a random moment. Whom it has hit: nobody where the ADD was faster. */
async function killedAdd(random: () => number): Promise<string> {
  const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? "both";
  const moment = random();
  const environment = victim === "both" ? {} : { CNI_PATH: apart };
  const { pid, ended } = lab.start("bridge", { command: "ADD", config: config(), netns, environment });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  if (victim === "host-local") await awaitChild(pid, () => isOver);
  const began = performance.now();
  await sleep(moment * spans[victim]);
  if (!isOver) kill(pid, victim);
  const { status, signal } = await ended;
  // One that had ended already may be killed without effect.
  if (victim === "host-local" ? status !== 0 : signal === "SIGKILL") return victim;
  expect(status).toBe(0);
  spans[victim] = (spans[victim] + (performance.now() - began) * (victim === "host-local" ? 0.7 : 1)) / 2;
  return "nobody";
}

/** Orphans end by themselves: they find nobody to tell, or wait for a lock that turns stale. */
async function awaitOrphans(): Promise<void> {
  const end = performance.now() + 10_000;
  while (lab.running().length > 0 && performance.now() < end) await sleep(5);
  expect(lab.running()).toEqual([]);
}

function expectNothingLeft(): void {
  expect(leaseFiles(lab)).toEqual([]);
  expect(masqueraded(lab)).toEqual([]);
  expect(lab.ip("link show type veth")).toEqual([]);
  expect(lab.ip("link show", netns)).toHaveLength(1);
}

/** Until it works, as a runtime does that tries again. */
function addAgain(): Outcome & { milliseconds: number } {
  const started = performance.now();
  for (;;) {
    const outcome = run("ADD");
    const milliseconds = performance.now() - started;
    if (outcome.status === 0 || milliseconds > 5000) return { ...outcome, milliseconds };
  }
}

/**
 * DEL leaves nothing, and then ADD works: at once where everybody is waited for, else, with orphans still about, within
 * 5 s. Returns after how many milliseconds.
 */
async function expectRecovery(isPatient: boolean, when: string): Promise<number> {
  expect(run("DEL"), when).toMatchObject({ status: 0, stdout: "" });
  if (isPatient) {
    await awaitOrphans();
    expectNothingLeft();
  }
  const next = isPatient ? timed("ADD") : addAgain();
  expect(next, when).toMatchObject({ status: 0 });
  expect(next.milliseconds).toBeLessThan(5000);
  await awaitOrphans();
  expect(run("CHECK", { prevResult: JSON.parse(next.stdout) }), when).toMatchObject({ status: 0, stdout: "" });
  expect(run("DEL")).toMatchObject({ status: 0, stdout: "" });
  expectNothingLeft();
  return next.milliseconds;
}

test(`bridge ADD of which a process is killed at ${ROUNDS} random moments: DEL leaves nothing, and the next ADD works within 5 s (CNI_TEST_SEED=${SEED})`, async () => {
  const random = randomNumbers(SEED);
  run("ADD");
  run("DEL");
  const killed: string[] = [];
  let slowest = 0;
  while (killed.length < ROUNDS) {
    const victim = await killedAdd(random);
    if (victim !== "nobody") killed.push(victim);
    slowest = Math.max(slowest, await expectRecovery(killed.length % 2 === 0, `after ${killed.length} kills`));
  }
  const counts = VICTIMS.map((who) => `${who} ${killed.filter((each) => each === who).length}`);
  console.log(`killed ${counts.join(", ")} times; slowest next ADD ${slowest.toFixed(0)} ms`);
});
