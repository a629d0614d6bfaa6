import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { sleep } from "../lab.ts";
import { PLACES } from "./scenario.ts";
import type { Ended } from "./verdict.ts";

/** How long a program may run before it is killed, in milliseconds. */
const KILLED_AFTER = 60_000;

/** Variables of a process that belongs to the world itself, such as a server that containers ask: no call has left it. */
export const OF_THE_WORLD = { CNI_TEST_WORLD: "1" };

/** A device of the host that a list in conf names. */
const DEVICE = "ens11";
const ADD_DEVICE = `ip link add ${DEVICE} address 02:00:00:00:00:0d type ifb`;

/** What /bin/sh does to make namespaces of its own a world: $1 has the executables, $2 is a folder for reports, both stay as they are. */
export const MAKE_WORLD = `
set -e
[ -z "$2" ] || mount --bind "$2" "$2"
mount -t tmpfs none /mnt && mkdir /mnt/bin && mount --bind "$1" /mnt/bin
mount -t tmpfs none /run && mkdir -p /run/netns /run/fuzz/bin && mount --bind /mnt/bin /run/fuzz/bin
mount -t tmpfs none /var/lib && mkdir /var/lib/cni
mount -t sysfs none /sys
while read -r _ _ _ _ place _; do
  case "$place" in /run*|/var/lib|/mnt*|/proc*|/sys*|/dev*|"$2") ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done </proc/self/mountinfo
ip link set lo up
${ADD_DEVICE}
shift 2
"$@"
`;

/** The container's namespace, as the ip tool calls it. */
const CONTAINER = path.basename(PLACES.netns);

/** Between the answers of programs that one shell runs. */
const SEPARATOR = "@@@@";

/** The host's network card, for lists that need one. */
const UPLINK = "eth0";

/** Names of files that are no traces: what host-local knows beside its leases, and locks. */
const NO_TRACES = /\/(last_reserved_ip\.[0-9]+|lock|xtables\.lock|\.state(\/(?!attachments\/).*)?)$/;

/** Names of sets that say nothing of an attachment: links whose route_localnet is set. */
const NO_ATTACHMENTS = /^localnet$/;

/** Runs a program with these variables and no others. */
export function run(
  argv: readonly [string, ...string[]],
  { stdin, environment }: { stdin: string | Uint8Array; environment: Readonly<Record<string, string>> },
): Ended {
  const start = performance.now();
  const [program, ...args] = argv;
  const options = {
    env: environment,
    input: stdin,
    encoding: "utf8",
    timeout: KILLED_AFTER,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 28,
  } as const;
  const { status, signal, stdout, stderr } = spawnSync(program, args, options);
  return { status, signal, stdout: stdout ?? "", stderr: stderr ?? "", milliseconds: performance.now() - start };
}

/**
 * Everything in the world that DEL and GC with these variables should have taken away, in words. Links in a namespace that they were not
 * told stay until the namespace ends.
 */
export function findTraces({
  CNI_CONTAINERID: containerId = "",
  CNI_NETNS: netns,
}: Readonly<Record<string, string>>): readonly string[] {
  const within = netns === "" ? [] : [`ip -n ${CONTAINER} -d -j link 2>/dev/null || true`];
  const questions = ["nft list ruleset", "ip -d -j link", ...within];
  const [ruleset = "", ...links] = sh(questions.join(`; echo "${SEPARATOR}"; `)).split(`${SEPARATOR}\n`);
  const [host = "", container = ""] = links;
  return [
    ...linksIn(host, ["bridge", "vlan"]),
    ...linksIn(container),
    ...rulesIn(ruleset, containerId),
    ...filesLeft(),
    ...processesLeft(),
  ];
}

/** On the host, bridges stay, with their links for VLANs, unless the configuration says otherwise. */
function linksIn(json: string, kept: readonly string[] = []): readonly string[] {
  const links: unknown = JSON.parse(json.trim() === "" ? "[]" : json);
  return (Array.isArray(links) ? links : [])
    .filter(({ ifname, linkinfo }) => ifname !== UPLINK || linkinfo?.info_kind !== "ifb")
    .filter(({ ifname }) => ifname !== DEVICE)
    .filter(({ link_type, linkinfo }) => link_type !== "loopback" && !kept.includes(linkinfo?.info_kind))
    .map(({ ifname, linkinfo }) => `link ${ifname} ${linkinfo?.info_kind ?? ""}`);
}

function rulesIn(ruleset: string, containerId: string): readonly string[] {
  let set = "";
  return ruleset.split("\n").filter((line) => {
    set = /^\s*(?:set|map) (\S+) \{/.exec(line)?.[1] ?? set;
    if (/^\s*elements = \{/.test(line)) return !NO_ATTACHMENTS.test(set);
    return (
      /[0-9a-f]{16}-[0-9a-f]{16}|CNI-DN-|chain (to_|CNI-[0-9a-f]{24})/.test(line) ||
      (containerId.length > 2 && line.includes(containerId))
    );
  });
}

function filesLeft(): readonly string[] {
  const all = ["/var/lib", "/run"].flatMap((folder) =>
    fs
      .readdirSync(folder, { withFileTypes: true, recursive: true })
      .map((entry) => ({ entry, name: path.join(entry.parentPath, entry.name) })),
  );
  return all
    .filter(
      ({ entry, name }) =>
        !entry.isDirectory() && !NO_TRACES.test(name) && !/^\/run\/(fuzz|netns)\/|^\/var\/lib\/fuzz\//.test(name),
    )
    .map(({ name }) => `file ${name}`);
}

/** Those that still run after a second: a DEL has the kernel's work waited for by one of its own. */
export function processesLeft(): readonly string[] {
  const deadline = performance.now() + 1000;
  for (;;) {
    const found = findProcesses().filter(({ isOfTheWorld }) => !isOfTheWorld);
    if (found.length === 0 || performance.now() > deadline)
      return found.map(({ pid, argv }) => `process ${pid} ${argv}`);
    sleep(10);
  }
}

interface Process {
  readonly pid: number;
  readonly argv: string;
  readonly isOfTheWorld: boolean;
}

/** The first process of the namespace is the shell, and this one is its child. */
function findProcesses(): readonly Process[] {
  const others = fs
    .readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && name !== "1" && name !== String(process.pid));
  return others.flatMap((name) => {
    try {
      const [argv = [], variables = []] = ["cmdline", "environ"].map((file) => readStrings(`/proc/${name}/${file}`));
      const isOfTheWorld = Object.entries(OF_THE_WORLD).every(([key, value]) => variables.includes(`${key}=${value}`));
      return [{ pid: Number(name), argv: argv.join(" "), isOfTheWorld }];
    } catch {
      return [];
    }
  });
}

function readStrings(file: string): readonly string[] {
  return fs.readFileSync(file, "latin1").split("\0");
}

/** What is in /run for the fuzzer's own sake. */
const OWN = ["fuzz", "netns"];

/** Takes away what is there, so that the next scenario finds the same world: a fresh container, and nothing else. */
export function clearWorld(): void {
  processesLeft();
  for (const { pid } of findProcesses()) kill(pid);
  const links = fs.readdirSync("/sys/class/net").filter((name) => name !== "lo");
  // A batch would read some names as words of its own.
  for (const name of links) spawnSync("ip", ["link", "delete", "dev", name]);
  sh(`ip netns del ${CONTAINER} 2>/dev/null; ip address flush dev lo scope global; nft flush ruleset`);
  for (const folder of ["/var/lib", "/run"])
    for (const name of fs.readdirSync(folder).filter((each) => folder !== "/run" || !OWN.includes(each)))
      fs.rmSync(path.join(folder, name), { recursive: true });
  fs.mkdirSync(PLACES.state, { recursive: true });
  sh(`ip netns add ${CONTAINER}; ip link add ${UPLINK} address 02:00:00:00:00:0e up type ifb; ${ADD_DEVICE}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script} failed with ${status}: ${stderr}`);
  return stdout;
}
