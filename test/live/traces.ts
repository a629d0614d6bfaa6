import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { Lab, Outcome } from "../lab.ts";

/** All that calls of plugins can leave on a lab's host and in its containers, in a form to be compared. */
export interface Traces {
  /** By namespace: links with their addresses (not those of the kernel's own making), and routes of all tables. */
  readonly network: Readonly<Record<string, unknown>>;
  /** What `nft list ruleset` prints on the host, without the counters of packets. */
  readonly rules: string;
  /** Files below the data directory, with what they say; a folder says "<folder>". */
  readonly files: Readonly<Record<string, string>>;
  readonly processes: readonly number[];
}

/** What is there now. */
export function tracesOf(lab: Lab, containers: readonly string[] = []): Traces {
  const namespaces = [lab.host, ...containers];
  return {
    network: Object.fromEntries(namespaces.map((netns) => [path.basename(netns), networkOf(lab, netns)])),
    rules: lab.run(["nft", "--stateless", "list", "ruleset"]),
    files: filesBelow(lab.dataDir),
    processes: lab.processes(),
  };
}

/**
 * The error that a refused call printed: one document with the members of the specification, on standard output, with exit
 * code 1.
 */
export function errorOf(outcome: Outcome): { code: number; msg: string; details?: string } {
  expect({ status: outcome.status, signal: outcome.signal }, outcome.stderr).toEqual({ status: 1, signal: null });
  const error = JSON.parse(outcome.stdout);
  expect(Object.keys(error).filter((key) => !["code", "msg", "details"].includes(key))).toEqual([]);
  return error;
}

/** Files of every folder of leases that are more than notes: neither the last addresses nor locks. */
export function leaseFiles(lab: Lab): string[] {
  return Object.entries(filesBelow(lab.dataDir))
    .filter(([name, text]) => text !== "<folder>" && !/\/(last_reserved_ip\.[0-9]+|\.?lock)$/.test(name))
    .map(([name]) => name);
}

/** Elements of the masquerade maps and chains of subnets, in the nft tool's words. */
export function masqueraded(lab: Lab): string[] {
  return lab.run(["nft", "list", "ruleset"]).match(/goto to_\S+|chain to_\S+/g) ?? [];
}

/** The comments of the elements of ports that are checked, which say whose they are. */
export function spoofChecked(lab: Lab): string[] {
  const listed = lab.try(["nft", "list", "table", "bridge", "cni_spoofcheck"]).stdout;
  return listed.match(/(?<=comment ")[^"]*, id: [^"]*(?=")/g) ?? [];
}

function networkOf(lab: Lab, netns: string): unknown {
  const links = lab.ip("-details address show", netns).map((link) => Object(link));
  return {
    links: links.map(({ ifname, address, master, mtu, promiscuity, linkinfo, addr_info }) => ({
      ...{ ifname, address, master, mtu, promiscuity },
      kind: linkinfo?.info_kind,
      addresses: addr_info
        ?.filter(({ scope }: { scope: string }) => scope !== "link")
        .map(({ local, prefixlen }: { local: string; prefixlen: number }) => `${local}/${prefixlen}`),
    })),
    routes: [...routesOf(lab, netns, "-4"), ...routesOf(lab, netns, "-6")],
  };
}

/** Without what comes and goes with a link's carrier. */
function routesOf(lab: Lab, netns: string, family: "-4" | "-6"): string[] {
  const lines = lab.run(["ip", family, "route", "show", "table", "all"], netns).split("\n");
  return lines.filter((line) => !/fe80::|multicast|anycast/.test(line)).map((line) => line.replace(" linkdown", ""));
}

function filesBelow(folder: string): Record<string, string> {
  if (!fs.existsSync(folder)) return {};
  const all = fs.readdirSync(folder, { withFileTypes: true, recursive: true });
  // What host-local knows beside its leases is no trace of a call: it may be there or not.
  const entries = all.filter((entry) => !path.join(entry.parentPath, entry.name).includes("/.state"));
  return Object.fromEntries(
    entries
      .map((entry): [string, string] => {
        const file = path.join(entry.parentPath, entry.name);
        return [path.relative(folder, file), entry.isDirectory() ? "<folder>" : fs.readFileSync(file, "utf8")];
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
