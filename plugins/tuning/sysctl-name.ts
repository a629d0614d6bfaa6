import { CniError } from "../../src/cni/error.ts";

/** A parameter of the kernel that is to be set in the container. */
export interface Sysctl {
  /** As the configuration has it. */
  readonly key: string;
  /** Below /proc/sys, with slashes. */
  readonly path: string;
  readonly value: string;
}

/** What stands for the interface's name in a key. */
const PLACEHOLDER = "IFNAME";

/**
 * The parameters of maps from key to value; a later map's value replaces that of an earlier one. @throws CniError invalidConfig
 * for a key that is no network parameter's, and for two keys of one map that mean the same
 */
export function readSysctls(
  maps: readonly (Readonly<Record<string, string>> | undefined)[],
  ifname: string,
): readonly Sysctl[] {
  const byPath = new Map<string, Sysctl>();
  for (const map of maps) {
    const own = new Map<string, string>();
    for (const [key, value] of Object.entries(map ?? {})) {
      const path = parseSysctlName(key, ifname);
      const same = own.get(path);
      if (same !== undefined) refuse(key, `it is duplicated: ${JSON.stringify(same)} means the same`);
      own.set(path, key);
      byPath.set(path, { key, path, value });
    }
  }
  return [...byPath.values()];
}

/**
 * The path of a parameter below /proc/sys. What comes first in its name, a dot or a slash, separates its parts; after a dot,
 * slashes stand for dots: `net.ipv4.conf.eth0/100.arp_filter`, `net/ipv4/conf/eth0.100/arp_filter`. sysctl(8)
 * The first IFNAME in it is the interface. @throws CniError invalidConfig unless it is below net
 */
export function parseSysctlName(key: string, ifname: string): string {
  const [separator = "/"] = /[./]/.exec(key) ?? [];
  const slashed = separator === "/" ? key : key.replaceAll(/[./]/g, (each) => (each === "." ? "/" : "."));
  const parts = slashed.split("/").filter((part) => part !== "");
  if (parts[0] !== "net" || parts.length < 2) refuse(key, "must be a parameter below net");
  const bad = parts.find((part) => part === "." || part === ".." || /[\p{White_Space}\p{Control}]/u.test(part));
  if (bad !== undefined) refuse(key, `${JSON.stringify(bad)} is no part of a parameter's name`);
  return parts.join("/").replace(PLACEHOLDER, () => ifname);
}

function refuse(key: string, reason: string): never {
  throw new CniError("invalidConfig", `Cannot use sysctl ${JSON.stringify(key)}: ${reason}`);
}
