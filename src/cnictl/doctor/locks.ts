import { readDhcpFolder } from "../../../plugins/dhcp/lease-report.ts";
import { goLockPath } from "../../../plugins/host-local/lease-index.ts";
import { recordsOf } from "../../../plugins/host-local/lease-record.ts";
import { rulesLockFile } from "../../netfilter/rule-locks.ts";
import { ipamTypeOf } from "../../runtime/network.ts";
import { HOST_LOCK_PATIENCE, HOST_LOCKS } from "../../steps/host-lock.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { findLongHolders, type Lock } from "./held-lock.ts";
import type { Holder } from "./lock-holders.ts";

/** A lock, and what it means if somebody keeps it. */
interface WatchedLock extends Lock {
  readonly level: "error" | "warning";
  /** A network, or what the lock is on. */
  readonly subject: string;
  readonly effect: string;
  /** Whether CHECK of the network's attachments waits for it. */
  readonly delaysCheck: boolean;
}

/** Locks that somebody keeps, for which calls wait. */
export const lockCheck: Check = {
  name: "lock",
  run: (examination) =>
    locksOf(examination).flatMap((lock) => orCannotTell(lock.subject, () => judge(lock, examination.locked))),
};

function judge(lock: WatchedLock, locked: Map<string, string>): readonly Found[] {
  const { file, level, subject, effect, delaysCheck } = lock;
  const holders = findLongHolders(lock);
  if (holders === undefined) return [{ level: "ok", subject, message: `nobody keeps ${file}` }];
  if (delaysCheck) locked.set(subject, file);
  return [
    { level, subject, message: `${file} is held by ${nameAll(holders)}: ${effect}`, cure: cureOf(file, holders) },
  ];
}

function nameAll(holders: readonly Holder[]): string {
  if (holders.length === 0) return "a process that cannot be seen from here";
  return holders.map(({ pid, name }) => `PID ${pid} (${name})`).join(", ");
}

function cureOf(file: string, holders: readonly Holder[]): string {
  const pids = holders.map(({ pid }) => pid);
  if (pids.length === 0) return `find its holder with lslocks, as root and outside of containers: ${file}`;
  const what = pids.length === 1 ? "process" : "processes";
  const condition = pids.length === 1 ? "it is not a CNI call" : "they are not CNI calls";
  return `end ${what} ${pids.join(", ")} if ${condition}: kill ${pids.join(" ")}`;
}

function locksOf(examination: Examination): readonly WatchedLock[] {
  const { inventory, edge } = examination;
  return [
    ...inventory().folders.flatMap(({ network, folder }) => leaseLocks(network, folder)),
    ...dhcpFolders(examination).map(({ network, folder }) => dhcpLock(network, folder)),
    ...(["bridges", "VLAN links", "moved devices", "routing tables"] as const).map(hostLock),
    ...ruleLocks(rulesLockFile(edge.environment)),
  ];
}

/** The waits are those of host-local's ADD. It goes on without the lock of its own calls, because the lease file itself is unique. */
function leaseLocks(network: string, folder: string): readonly WatchedLock[] {
  const common = { subject: network, how: "exclusive", delaysCheck: true } as const;
  return [
    { ...common, level: "error", file: goLockPath(folder), effect: "each ADD waits up to 20 s" },
    { ...common, level: "warning", file: recordsOf(folder), effect: "each ADD waits 2 s" },
  ];
}

/** The folders of leases of `dhcp`, each with a network that uses it. */
function dhcpFolders({ networks }: Examination): readonly { readonly network: string; readonly folder: string }[] {
  const used = networks.flatMap(({ name, plugins }) =>
    plugins
      .filter((plugin) => ipamTypeOf(plugin) === "dhcp")
      .map(({ json }) => ({ network: name, folder: readDhcpFolder(json) })),
  );
  return used.filter(({ folder }, index) => used.findIndex((each) => each.folder === folder) === index);
}

function dhcpLock(network: string, folder: string): WatchedLock {
  const effect = "each ADD waits 5 s, and fails";
  return { level: "error", subject: network, file: folder, how: "exclusive", effect, delaysCheck: false };
}

/** What a call for which somebody holds a lock waits for, and how the lock has to be held for that. */
const HOLDS = {
  bridges: ["shared", "each ADD that uses bridges"],
  "VLAN links": ["shared", "each ADD that uses VLAN links"],
  "moved devices": ["exclusive", "each ADD and DEL of host-device"],
  "routing tables": ["bytes", "each ADD of sbr and vrf in one container"],
} as const satisfies Record<keyof typeof HOST_LOCKS, readonly [Lock["how"], string]>;

/** An ADD takes the lock on bridges and on VLAN links shared, so that only one who deletes them keeps it waiting. */
function hostLock(what: keyof typeof HOST_LOCKS): WatchedLock {
  const [how, waiting] = HOLDS[what];
  const effect = `${waiting} waits ${HOST_LOCK_PATIENCE / 1000} s, and fails`;
  return { level: "error", subject: what, file: HOST_LOCKS[what], how, effect, delaysCheck: false };
}

/** A command of iptables waits for the flock, and a DEL for the bytes of commands of its attachment. */
function ruleLocks(file: string): readonly WatchedLock[] {
  const common = { level: "warning", subject: "iptables", file, delaysCheck: false } as const;
  return [
    { ...common, how: "exclusive", effect: "each command of iptables-legacy waits, also those of ADD and DEL" },
    { ...common, how: "bytes", effect: "each DEL of the attachments whose rules it changes waits up to 35 s" },
  ];
}
