import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Json } from "../fuzz/networks.ts";
import { Random } from "../fuzz/random.ts";
import { clearWorld } from "../fuzz/world.ts";
import { chainOf } from "./chain.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, kindsOf, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage, type Ways } from "./stage.ts";

/** The chains whose host gets another time or boot. */
export const REBOOTED = ["podman", "containerd", "iptables", "dhcp"] as const;

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

const DAY = 86_400_000;

/** By how much the clock jumps, in ms. */
const JUMPS = [DAY, -DAY, 3650 * DAY, -3650 * DAY, 1000, -1000] as const;

/** A container that is looked after. */
type Container = Ways & { readonly id: string };

const ONE: Container = { id: "one" };
const TWO: Container = { id: "two", netns: "/run/netns/c2", container: 1 };

/** Attaches and detaches two containers while the clock jumps, or the host starts anew, between any two calls. */
export function playReboots(
  name: string,
  { seed, most, until }: { seed: number; most: number; until: number },
): { jumps: number; findings: readonly Finding[] } {
  const stage = new Stage(chainOf(name), `--part reboots --group ${name} --seed ${seed}`);
  const random = new Random(seed, name.length);
  let jumps = 0;
  for (let round = 0; round < most && performance.now() < until; round++) {
    stage.clear();
    spawnSync("ip", ["netns", "add", "c2"]);
    jumps += playRound(stage, random);
    spawnSync("ip", ["netns", "del", "c2"]);
    spawnSync("umount", [BOOT_ID]);
  }
  return { jumps, findings: stage.findings };
}

function playRound(stage: Stage, random: Random): number {
  detach(stage, { ...ONE, prevResult: stage.attach(undefined, ONE).at(-1) });
  const before = takeSnapshot();
  let jumps = 0;
  const between = () => {
    if (!random.chance(0.7)) return;
    jumpClock(random.pick(JUMPS));
    jumps++;
  };
  between();
  const one = attach(stage, ONE);
  between();
  const two = attach(stage, TWO);
  if (addressOf(one) === addressOf(two))
    stage.find(`${stage.chain.name}: one address for two containers`, String(addressOf(one)));
  between();
  const isReboot = random.chance(0.3);
  if (isReboot) reboot(stage);
  else check(stage, { ...ONE, prevResult: one });
  between();
  const again = isReboot ? attach(stage, ONE) : one;
  between();
  check(stage, { ...ONE, prevResult: again });
  between();
  detach(stage, { ...TWO, prevResult: two });
  between();
  if (random.chance(0.5)) detach(stage, { ...ONE, prevResult: again });
  else for (const index of stage.chain.plugins.keys()) expectSuccess(stage, index, { verb: "GC", ways: NOBODY });
  detach(stage, { ...ONE, prevResult: again });
  const differences = differencesFrom(before).filter((line) => !isReboot || !isOfBoot(line));
  if (differences.length > 0)
    stage.find(`${stage.chain.name}: left behind after jumps: ${kindsOf(differences)}`, differences.join("\n"));
  return jumps + (isReboot ? 1 : 0);
}

/** A host that has started anew has made its bridge and tables anew. */
function isOfBoot(line: string): boolean {
  return /^(more|less): (host link \S+ .*"kind":"bridge"|setting |file \S+ "[0-9a-f]{8}")/.test(line);
}

/** The files of before are as old as the clock makes them. */
function jumpClock(milliseconds: number): void {
  for (const folder of ["/var/lib/cni", "/run"]) shift(folder, milliseconds);
}

function shift(folder: string, milliseconds: number): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (/^\/run\/(fuzz|netns|mount)/.test(name)) continue;
    if (entry.isDirectory()) shift(name, milliseconds);
    if (entry.isSymbolicLink()) redateRecord(name, milliseconds);
    const { atimeMs, mtimeMs } = fs.lstatSync(name);
    fs.lutimesSync(name, (atimeMs - milliseconds) / 1000, (mtimeMs - milliseconds) / 1000);
  }
}

/** A record of an attachment names the time at which it was made, in ms. */
function redateRecord(name: string, milliseconds: number): void {
  const text = fs.readlinkSync(name);
  const dated = text.replace(/(?<= )\d{13}(?= )/, (time) => String(Number(time) - milliseconds));
  if (dated === text) return;
  fs.unlinkSync(name);
  fs.symlinkSync(dated, name);
}

/** Another boot: links, rules and what is in memory are gone, and what is on the disk is there. */
function reboot(stage: Stage): void {
  spawnSync("umount", [BOOT_ID]);
  const state = "/run/fuzz/state";
  fs.cpSync("/var/lib/cni", state, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  clearWorld();
  stage.restore();
  fs.cpSync(state, "/var/lib/cni", { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  fs.rmSync(state, { recursive: true });
  spawnSync("ip", ["netns", "del", "c2"]);
  spawnSync("ip", ["netns", "add", "c2"]);
  fs.writeFileSync("/run/fuzz/boot_id", `${randomUUID()}\n`);
  const { status, stderr } = spawnSync("mount", ["--bind", "/run/fuzz/boot_id", BOOT_ID], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot give the world another boot id: ${stderr}`);
}

function attach(stage: Stage, container: Container): Json | undefined {
  return stage.attach(undefined, container).at(-1);
}

function check(stage: Stage, ways: Ways): void {
  for (const index of stage.chain.plugins.keys()) expectSuccess(stage, index, { verb: "CHECK", ways });
}

function detach(stage: Stage, ways: Ways): void {
  for (const index of [...stage.chain.plugins.keys()].reverse()) expectSuccess(stage, index, { verb: "DEL", ways });
}

function expectSuccess(stage: Stage, index: number, { verb, ways }: { verb: string; ways: Ways }): void {
  const { status, stdout } = stage.call(index, verb, ways);
  if (status !== 0) stage.find(`${stage.nameOf(index)} ${verb} fails after a jump`, stdout);
}

function addressOf(result: Json | undefined): unknown {
  return Object(Object(result).ips?.[0]).address;
}
