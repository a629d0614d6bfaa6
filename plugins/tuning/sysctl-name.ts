import { CniError } from "../../src/cni/error.ts";

/** A sysctl to set in the container. */
export interface Sysctl {
  /** The key as written in the configuration. */
  readonly key: string;
  /** The path below /proc/sys, with slashes. */
  readonly path: string;
  readonly value: string;
}

/** Placeholder for the interface's name in a key. */
const PLACEHOLDER = "IFNAME";

/**
 * The sysctls of maps from key to value. A value in a later map replaces that of an earlier one.
 * @throws CniError invalidConfig for a key outside the network sysctls, and for two keys of one map with the same meaning
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
 * The path of a sysctl below /proc/sys. The first dot or slash in its name is the separator; if it is a dot, slashes stand for dots:
 * `net.ipv4.conf.eth0/100.arp_filter`, `net/ipv4/conf/eth0.100/arp_filter`. sysctl(8) The first IFNAME is replaced by the interface's
 * name.
 * @throws CniError invalidConfig unless it is below net
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
