import fs from "#fs";
import type { Family } from "../../ip/address.ts";
import { discard } from "../../linux/discard.ts";
import { AF, getSocketOption, openSocket, SOCK, SOL } from "../../linux/socket.ts";
import { holdsText, viewOf, viewOfStruct } from "../../netlink/bytes.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";
import { handling, ignoring, succeeds } from "../../platform/outcome.ts";

/**
 * Options of getsockopt(2) that read a table. <linux/netfilter_ipv4/ip_tables.h>; <linux/netfilter_ipv6/ip6_tables.h> has equal
 * numbers for IPv6
 */
const IPT = { SO_GET_INFO: 64, SO_GET_ENTRIES: 65 } as const;

/**
 * Offsets in struct ipt_getinfo: the hooks of the table, one bit each; the first rule of each hook; and the size of all rules in
 * bytes. Also the size of the struct. It is in linux/netfilter_ipv4/ip_tables.h.
 */
const INFO = { validHooks: 32, hookEntries: 36, rulesSize: 80, size: 84 } as const;

/** The chains by hook number. enum nf_inet_hooks <linux/netfilter.h> */
const HOOKS = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;

/** sizeof(struct ipt_get_entries), a name of 32 bytes and a u32 size. The rules follow it. <linux/netfilter_ipv4/ip_tables.h> */
const ENTRIES_SIZE = 40;

const NAME_SIZE = 32;

/** How many times a table is read again because its size changed. */
const ATTEMPTS = 20;

/** The kernel's list of tables in use, and the socket options that read them. */
const SOURCE = {
  4: { names: "/proc/net/ip_tables_names", domain: AF.INET, level: SOL.IP },
  6: { names: "/proc/net/ip6_tables_names", domain: AF.INET6, level: SOL.IPV6 },
} as const;

/** The list of tables can be read by the owner of the namespace alone. */
const UNREADABLE = [ERRNO.EACCES, ERRNO.EPERM] as const;

/** The kernel has no such table, or none for this process. */
const NO_TABLE = [ERRNO.ENOENT, ERRNO.ENOPROTOOPT, ERRNO.EPERM, ERRNO.EAFNOSUPPORT] as const;

/** A table of iptables-legacy as the kernel stores it. */
export interface LegacyTable {
  /** The built-in chains and the offset of their first rules. */
  readonly chains: ReadonlyMap<string, { readonly start: number }>;
  /** All rules, one after another. */
  readonly entries: Uint8Array;
}

/**
 * Which of these texts (chain names or comments) a table of iptables-legacy in this namespace contains. Reads a file of a few bytes,
 * and copies the table if it exists. Starts no process. @throws LinuxError
 */
export function findInLegacy(family: Family, table: string, texts: readonly string[]): readonly string[] {
  const entries = readLegacyTable(family, table)?.entries;
  return entries === undefined ? [] : texts.filter((text) => holdsText(entries, text));
}

/**
 * A table of iptables-legacy in this namespace. Undefined if it does not exist, which only costs reading a file of a few bytes.
 * @throws LinuxError
 */
export function readLegacyTable(family: Family, table: string): LegacyTable | undefined {
  return hasLegacyTable(family, table) ? copyTable(family, table) : undefined;
}

/** Whether this namespace has the table, or gets it by being asked where its list of tables cannot be read. */
export function hasLegacyTable(family: Family, table: string): boolean {
  // A kernel without iptables-legacy has no such file.
  const listed = () =>
    ignoring([ERRNO.ENOENT], () => fs.readFileSync(SOURCE[family].names, "utf8").split("\n").includes(table)) ?? false;
  // The list is for the owner of the namespace, who is nobody if the namespace was made before its users got their numbers.
  return handling(UNREADABLE, listed, () =>
    succeeds(NO_TABLE, () => withSocket(family, (fd) => askInfo(fd, family, table))),
  );
}

function copyTable(family: Family, table: string): LegacyTable {
  return withSocket(family, (fd) => {
    const { level } = SOURCE[family];
    for (let attempt = 1; ; attempt++) {
      const info = askInfo(fd, family, table);
      const size = viewOf(info).getUint32(INFO.rulesSize, true);
      const rules = nameTable(table, ENTRIES_SIZE + size);
      viewOf(rules).setUint32(NAME_SIZE, size, true);
      const isLast = attempt === ATTEMPTS;
      if (ask(fd, { level, name: IPT.SO_GET_ENTRIES, value: rules, isLast }))
        return { chains: decodeChains(info), entries: rules.subarray(ENTRIES_SIZE) };
    }
  });
}

/** The struct ipt_getinfo of a table. */
function askInfo(fd: number, family: Family, table: string): Uint8Array {
  const info = nameTable(table, INFO.size);
  ask(fd, { level: SOURCE[family].level, name: IPT.SO_GET_INFO, value: info });
  return info;
}

/** Any socket of the family does; a raw one would need CAP_NET_RAW, too. */
function withSocket<T>(family: Family, act: (fd: number) => T): T {
  const fd = openSocket(SOURCE[family].domain, SOCK.DGRAM, 0);
  try {
    return act(fd);
  } finally {
    discard(fd);
  }
}

/** The built-in chains in a struct ipt_getinfo. @throws RangeError if it is too short */
export function decodeChains(info: Uint8Array): LegacyTable["chains"] {
  const view = viewOfStruct(info, "struct ipt_getinfo", INFO.size);
  const valid = view.getUint32(INFO.validHooks, true);
  return new Map(
    HOOKS.flatMap((name, hook) => {
      const start = view.getUint32(INFO.hookEntries + 4 * hook, true);
      return (valid & (1 << hook)) === 0 ? [] : [[name, { start }] as const];
    }),
  );
}

/** False if the size of the table has changed. */
function ask(fd: number, option: { level: number; name: number; value: Uint8Array; isLast?: boolean }): boolean {
  const errno = getSocketOption(fd, option);
  if (errno === 0) return true;
  if (errno === ERRNO.EAGAIN && option.isLast === false) return false;
  throw new LinuxError("read a table of iptables-legacy", { syscall: "getsockopt", errno });
}

/** A buffer for a struct that starts with the table's name. */
function nameTable(table: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new TextEncoder().encodeInto(table, bytes);
  return bytes;
}
