import { closeSync, readFileSync } from "node:fs";
import type { Family } from "../../ip/address.ts";
import { ERRNO, errnoOf, LinuxError } from "../../linux/errno.ts";
import { AF, getSocketOption, openSocket, SOCK, SOL } from "../../linux/socket.ts";
import { holdsText, viewOf } from "../../netlink/bytes.ts";

/** IPPROTO_RAW. <netinet/in.h> */
const IPPROTO_RAW = 255;

/** What getsockopt(2) tells of a table; the numbers of IPv6, in <linux/netfilter_ipv6/ip6_tables.h>, are the same. <linux/netfilter_ipv4/ip_tables.h> */
const IPT = { SO_GET_INFO: 64, SO_GET_ENTRIES: 65 } as const;

/** sizeof(struct ipt_getinfo), of which `size` is the last field: the bytes of all rules. <linux/netfilter_ipv4/ip_tables.h> */
const INFO_SIZE = 84;

/** sizeof(struct ipt_get_entries), behind which the rules are: a name of 32 bytes, u32 size. <linux/netfilter_ipv4/ip_tables.h> */
const ENTRIES_SIZE = 40;

const NAME_SIZE = 32;

/** How often a table that changed its size meanwhile is asked for again. */
const ATTEMPTS = 20;

/** The kernel's list of the tables in use, and the sockets that know them. */
const SOURCE = {
  4: { names: "/proc/net/ip_tables_names", domain: AF.INET, level: SOL.IP },
  6: { names: "/proc/net/ip6_tables_names", domain: AF.INET6, level: SOL.IPV6 },
} as const;

/**
 * Which of these texts, names of chains or comments, are in the nat table that iptables-legacy keeps in the kernel, of this
 * namespace. Costs a file of a few bytes where there is no such table, else the table's copying; no process. @throws LinuxError
 */
export function findInLegacy(family: Family, texts: readonly string[]): readonly string[] {
  if (!isInUse(family)) return [];
  const rules = readRules(family);
  return texts.filter((text) => holdsText(rules, text));
}

/** Asking for a table that is not in use would make it. */
function isInUse(family: Family): boolean {
  try {
    return readFileSync(SOURCE[family].names, "utf8").split("\n").includes("nat");
  } catch (error) {
    // A kernel without it has no such file.
    if (errnoOf(error) === ERRNO.ENOENT) return false;
    throw error;
  }
}

function readRules(family: Family): Uint8Array {
  const fd = openSocket(SOURCE[family].domain, SOCK.RAW, IPPROTO_RAW);
  try {
    const { level } = SOURCE[family];
    for (let attempt = 1; ; attempt++) {
      const info = nameTable(INFO_SIZE);
      ask(fd, { level, name: IPT.SO_GET_INFO, value: info });
      const size = viewOf(info).getUint32(INFO_SIZE - 4, true);
      const rules = nameTable(ENTRIES_SIZE + size);
      viewOf(rules).setUint32(NAME_SIZE, size, true);
      if (ask(fd, { level, name: IPT.SO_GET_ENTRIES, value: rules, isLast: attempt === ATTEMPTS })) return rules;
    }
  } finally {
    closeSync(fd);
  }
}

/** False where the table has another size by now. */
function ask(fd: number, option: { level: number; name: number; value: Uint8Array; isLast?: boolean }): boolean {
  const errno = getSocketOption(fd, option);
  if (errno === 0) return true;
  if (errno === ERRNO.EAGAIN && option.isLast === false) return false;
  throw new LinuxError("read the nat table of iptables-legacy", { syscall: "getsockopt", errno });
}

/** Room for a structure that begins with the table's name. */
function nameTable(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new TextEncoder().encodeInto("nat", bytes);
  return bytes;
}
