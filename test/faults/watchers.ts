import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { confDir } from "../caller.ts";
import { PLACES } from "../fuzz/scenario.ts";
import { type Ended, judgeTool } from "../fuzz/verdict.ts";
import { clearWorld } from "../fuzz/world.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, kindsOf, takeSnapshot } from "./snapshot.ts";
import { endOf } from "./stage.ts";

/** What an operator looks with, each second. `doctor` ends with 1 where it finds an error, which a host with nothing else on it may have. */
const WATCHERS: readonly (readonly string[])[] = [
  ["doctor", "--json"],
  ["ps", "--json"],
  ["leases", "--json"],
  ["validate", "--json"],
  ["metrics"],
];
const EVERY = 1000;

const LIST = path.join(confDir, "podman/87-podman-bridge.conflist");
const LISTS = "/run/fuzz/net.d";
const REPEAT = "--part watchers";

type Counts = Readonly<Record<"calls" | "looks", number>>;

/** Crowds of containers come and go on podman's network, each with a published port, while an operator looks: no call fails, nothing is left. */
export async function playWatchers(count: number, until: number): Promise<Counts & { findings: readonly Finding[] }> {
  const findings = new Map<string, Finding>();
  const find = (kind: string, text: string) => findings.set(kind, { kind, text, calls: [], repeat: REPEAT });
  const network = prepare();
  const ids = Array.from({ length: count }, (_, number) => `n${number}`);
  for (const id of ids) spawnSync("ip", ["netns", "add", id]);
  const crowd = async (verb: string) => {
    const all = await Promise.all(ids.map((id, number) => cnictl(callOf(verb, { network, id, number }))));
    for (const ended of all)
      if (ended.status !== 0)
        find(`watchers: ${verb} fails beside an operator's commands`, `${ended.stdout}${ended.stderr}`);
  };
  await crowd("add");
  await crowd("del");
  const before = takeSnapshot();
  const counts = { calls: 0, looks: 0 };
  const deadline = Math.max(until, performance.now() + 1);
  const looking = watch(deadline, (args, ended) => {
    counts.looks++;
    // How long it takes says how busy the machine is.
    const wrong = judgeTool(args.join(" "), { ...ended, milliseconds: 0 }) ?? judgeLook(args, ended);
    if (wrong !== undefined) find(wrong.kind, wrong.text);
  });
  while (performance.now() < deadline) {
    for (const verb of ["add", "check", "del"]) await crowd(verb);
    counts.calls += 3 * count;
  }
  await looking;
  const differences = differencesFrom(before);
  if (differences.length > 0)
    find(`watchers: left behind: ${kindsOf(differences)}`, differences.slice(0, 40).join("\n"));
  for (const id of ids) spawnSync("ip", ["netns", "del", id]);
  return { ...counts, findings: [...findings.values()] };
}

/** A host with one list; returns the network's name. */
function prepare(): string {
  clearWorld();
  fs.mkdirSync(LISTS, { recursive: true });
  fs.copyFileSync(LIST, path.join(LISTS, path.basename(LIST)));
  return JSON.parse(fs.readFileSync(LIST, "utf8")).name;
}

function callOf(
  verb: string,
  { network, id, number }: { network: string; id: string; number: number },
): { args: readonly string[]; ports: string } {
  const portMappings = [{ hostPort: 20_000 + number, containerPort: 80, protocol: "tcp" }];
  return { args: [verb, network, `/run/netns/${id}`, "--container-id", id], ports: JSON.stringify({ portMappings }) };
}

async function watch(until: number, seen: (args: readonly string[], ended: Ended) => void): Promise<void> {
  while (performance.now() < until) {
    const next = performance.now() + EVERY;
    for (const args of WATCHERS) seen(args, await cnictl({ args }));
    await sleep(Math.max(0, next - performance.now()));
  }
}

/** What a look that ended shows and must not: an error of its own, or no document. */
function judgeLook(
  args: readonly string[],
  { status, stdout, stderr }: Ended,
): { kind: string; text: string } | undefined {
  const kind = `cnictl ${args.join(" ")}`;
  if (status !== 0 && args[0] !== "doctor") return { kind: `${kind} fails beside a crowd`, text: `${stdout}${stderr}` };
  if (!args.includes("--json")) return undefined;
  try {
    JSON.parse(stdout);
    return undefined;
  } catch (error) {
    return { kind: `${kind}: no JSON`, text: `${error}\n${stdout}${stderr}` };
  }
}

function cnictl({ args, ports = "" }: { args: readonly string[]; ports?: string }): Promise<Ended> {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CNI_PATH: PLACES.bin, NETCONFPATH: LISTS, CAP_ARGS: ports };
  return endOf(spawn(`${PLACES.bin}/cnictl`, args, { env, stdio: ["ignore", "pipe", "pipe"] }));
}
