import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { PLACES } from "../fuzz/scenario.ts";
import { processesLeft } from "../fuzz/world.ts";
import { sleep } from "../lab.ts";
import { leasedByServer } from "./dhcp-server.ts";

/** All that calls can change in a world, a line each. */
export type Snapshot = ReadonlySet<string>;

/** How the line of a lease begins that a DHCP server knows. */
const LEASE = "lease ";

const SEPARATOR = "@@@@";

/** Asked of the host; of the container by `inside`. */
const QUESTIONS = [
  "nft --stateless list ruleset",
  "ip -json -details address show",
  "tc qdisc show",
  "ip route show table all",
  "ip rule show",
  "ip -6 rule show",
];
const INSIDE = [
  "ip -json -details address show",
  "ip route show table all",
  "ip rule show",
  "ip -6 rule show",
  "cat /proc/sys/net/core/somaxconn",
];

/** Files that say nothing of an attachment: the last addresses, and what host-local knows of the boot. */
const NOTES = /\/(last_reserved_ip\.[0-9]+|\.state\/boot)$/;

/** Files that are there or not: a Go plugin's lock, and that of iptables. */
const LOCKS = /\/(\.?lock|xtables\.lock)$/;

/** What the fuzzer's world has for its own sake. */
const OWN = /^\/run\/(fuzz|netns|mount)(\/|$)/;

/** What is there now. Waits up to a second for processes to end. */
export function takeSnapshot(): Snapshot {
  const processes = processesLeft();
  const inside = INSIDE.map((question) => `nsenter --net=${PLACES.netns} ${question}`);
  const [rules = "", links = "", qdiscs = "", routes = "", policies = "", policies6 = "", ...container] = ask([
    ...QUESTIONS,
    ...inside,
  ]);
  const [linksInside = "", routesInside = "", policiesInside = "", policies6Inside = "", settings = ""] = container;
  return new Set([
    ...rulesIn(rules),
    ...linksIn(links).map((link) => `host ${link}`),
    ...qdiscsIn(qdiscs),
    ...routesIn(routes).map((route) => `host ${route}`),
    ...policiesIn(`${policies}${policies6}`).map((policy) => `host ${policy}`),
    ...linksIn(linksInside).map((link) => `container ${link}`),
    ...routesIn(routesInside).map((route) => `container ${route}`),
    ...policiesIn(`${policiesInside}${policies6Inside}`).map((policy) => `container ${policy}`),
    `setting ${settings.trim()}`,
    ...filesBelow(["/var/lib", "/run"]),
    ...processes,
    ...leasedByServer().map((address) => `${LEASE}${address}`),
  ]);
}

/** What differs from before. Waits up to a second for a server that has yet to read that a lease is given back. `isMeant` leaves lines out. */
export function differencesFrom(before: Snapshot, isMeant: (line: string) => boolean = () => true): readonly string[] {
  const deadline = performance.now() + 1000;
  for (;;) {
    const after = new Set([...takeSnapshot()].filter(isMeant));
    const differences = compare(before, after);
    if (!differences.some(isLease) || performance.now() > deadline) return differences;
    sleep(10);
  }
}

/** Whether a line of a snapshot or of a comparison is about a lease at the DHCP server. */
export function isLease(line: string): boolean {
  return line.replace(/^(more|less): /, "").startsWith(LEASE);
}

/** What one has more than the other, and what it lacks. */
function compare(before: Snapshot, after: Snapshot): readonly string[] {
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `more: ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `less: ${line}`),
  ];
}

/** The kinds of things that differ, for the name of a finding. */
export function kindsOf(differences: readonly string[]): string {
  const words = differences.map((line) =>
    line
      .split(" ")
      .slice(0, 3)
      .join(" ")
      .replaceAll(/[0-9]+/g, "N"),
  );
  return [...new Set(words.map((line) => line.replace(/ \/\S*$/, "")))].sort().join(", ");
}

function ask(questions: readonly string[]): readonly string[] {
  const { stdout } = spawnSync("sh", ["-c", questions.join(` 2>/dev/null; echo "${SEPARATOR}"; `)], {
    encoding: "utf8",
  });
  return stdout.split(`${SEPARATOR}\n`);
}

/** With the chain or set that each line stands in, where it is of an attachment. */
function rulesIn(text: string): readonly string[] {
  let place = "";
  return text.split("\n").flatMap((line) => {
    const trimmed = line.trim();
    place = /^(?:table|set|map|chain) .* \{$|^(?:set|map|chain) \S+ \{$/.test(trimmed)
      ? trimmed.replace(" {", "")
      : place;
    return trimmed === "" || trimmed === "}" ? [] : [`rule ${place}: ${trimmed}`];
  });
}

function linksIn(json: string): readonly string[] {
  const links: unknown = json.trim() === "" ? [] : JSON.parse(json);
  return (Array.isArray(links) ? links : [])
    .filter(({ ifname }) => ifname !== undefined)
    .flatMap(({ ifname, address, mtu, master, ifalias, promiscuity, linkinfo, addr_info }) => [
      `link ${ifname} ${JSON.stringify({ address, mtu, master, ifalias, promiscuity, kind: linkinfo?.info_kind })}`,
      ...addr_info
        .filter(({ scope }: { scope: string }) => scope !== "link")
        .map(({ local, prefixlen }: { local: string; prefixlen: number }) => `address ${ifname} ${local}/${prefixlen}`),
    ]);
}

function qdiscsIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [, kind, link] = /^qdisc (\S+) .*?dev (\S+)/.exec(line) ?? [];
    return kind === undefined || ["noqueue", "noop"].includes(kind) ? [] : [`qdisc ${kind} ${link}`];
  });
}

/** Without what comes and goes with a link's carrier. */
function routesIn(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line !== "" && !/fe80::|multicast|anycast|ff00::/.test(line));
  return lines.map((line) => `route ${line.replace(/ linkdown/, "").trim()}`);
}

/** Which rule leads to which table. */
function policiesIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [`policy ${line.replaceAll(/\s+/g, " ").trim()}`]));
}

function filesBelow(folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    fs.readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
      const name = path.join(entry.parentPath, entry.name);
      if (OWN.test(name) || LOCKS.test(name) || entry.isDirectory()) return [];
      return [`file ${name}${NOTES.test(name) ? "" : ` ${contentOf(name, entry.isSymbolicLink())}`}`];
    }),
  );
}

function contentOf(name: string, isLink: boolean): string {
  return JSON.stringify(isLink ? fs.readlinkSync(name) : fs.readFileSync(name, "latin1").slice(0, 300));
}
