import { readBoot } from "../../src/linux/boot-id.ts";
import { logging } from "../../src/steps/logging.ts";
import { type Job, type KeeperOptions, makeJob, nextOf, serveJob } from "./job.ts";
import { listLeases, type StoredLease } from "./lease-file.ts";
import { removeLease } from "./lease-store.ts";

/** Keeps all leases of a folder. */
export interface Keeper {
  /** Looks for leases that were added or deleted, and deletes those of an earlier boot. @throws what is in the way of looking, such as EIO */
  readonly scan: () => void;
  /** Does what is due. Returns when the next thing is, in ms of the boot's clock. */
  readonly work: () => number;
  /** Descriptors that are readable when a server has answered. */
  readonly fds: () => readonly number[];
  /** How many leases wait for an answer, or have ended. */
  readonly open: () => number;
  readonly close: () => void;
}

/** Makes a keeper. It keeps no namespace open but while it waits for an answer. */
export function createKeeper(options: KeeperOptions): Keeper {
  const jobs = new Map<string, Job>();
  let isFirst = options.resumes;
  const complain = oncePerText(options.log);
  const drop = (path: string) => {
    jobs.get(path)?.client.close();
    jobs.delete(path);
  };
  return {
    scan: () =>
      complain((log) => {
        const [boot, all] = [readBoot(), listLeases(options.folder, log)];
        const isCurrent = ({ record }: StoredLease) => record.boot === boot;
        const found = all.filter(isCurrent);
        const texts = new Map(found.map(({ path, text }) => [path, text]));
        for (const [path, { stored }] of jobs) if (texts.get(path) !== stored.text) drop(path);
        for (const stored of found) if (!jobs.has(stored.path)) jobs.set(stored.path, makeJob(stored, isFirst));
        isFirst = false;
        const old = all.filter((stored) => !isCurrent(stored));
        deleteOld(old, { ...options, log });
      }),
    work: () => {
      for (const [path, job] of jobs) if (!serveJob(job, options)) drop(path);
      return Math.min(Infinity, ...[...jobs.values()].map(nextOf));
    },
    fds: () => [...jobs.values()].flatMap(({ client }) => client.fds()),
    open: () => [...jobs.values()].filter(({ client }) => !client.isBound()).length,
    close: () => {
      for (const path of [...jobs.keys()]) drop(path);
    },
  };
}

/** Deletes leases of an earlier boot: their namespaces ended with it. One that cannot be deleted keeps no other waiting for its renewal. */
function deleteOld(old: readonly StoredLease[], { folder, log }: KeeperOptions): void {
  logging([Error], { log, what: "Cannot delete the leases of an earlier boot" }, () => {
    for (const { path } of old) removeLease(folder, path);
  });
}

/** Runs a look at the folder, and logs of its lines those that the look before did not have: a broken file stays what it is. */
export function oncePerText(log: (line: string) => void): <T>(look: (log: (line: string) => void) => T) => T {
  let known: ReadonlySet<string> = new Set();
  return (look) => {
    const lines = new Set<string>();
    const result = look((line) => lines.add(line));
    for (const line of lines) if (!known.has(line)) log(line);
    known = lines;
    return result;
  };
}
