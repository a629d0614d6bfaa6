import fs from "#fs";
import path from "#path";
import type { ToolEdge } from "../../src/cni/edge.ts";
import { reasonOf } from "../../src/cni/error.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { discard } from "../../src/linux/discard.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { ownProcessId } from "../../src/linux/own-process.ts";
import { poll } from "../../src/linux/poll.ts";
import { openSignals, readSignal, SIGINT, SIGTERM } from "../../src/linux/signals.ts";
import { acceptUnix, listenUnix } from "../../src/linux/unix-listener.ts";
import { logging } from "../../src/steps/logging.ts";
import { DEFAULT_SOCKET } from "./config.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { createKeeper, oncePerText } from "./keeper.ts";
import { leaseFolder } from "./lease-file.ts";

/** How long to wait at most for the next look at the folder of leases, in ms: ADD knocks, but nobody says that a file was deleted. */
const LOOK = 30_000;

/** The first descriptor that systemd passes. sd_listen_fds(3) */
const FIRST_PASSED = 3;

/**
 * `dhcp daemon`: renews the leases that ADD has recorded, until SIGTERM or SIGINT. One thread waits for servers, for calls that knock at
 * the socket, and for the time of the next lease. Returns the exit code.
 */
export function daemon(edge: ToolEdge): number {
  const log = (line: string) => edge.writeErr(`${line}\n`);
  try {
    const [, ...args] = edge.args;
    const flags = parseFlags(args, { socketpath: DEFAULT_SOCKET, hostprefix: "", pidfile: "" });
    const signals = openSignals([SIGINT, SIGTERM]);
    const listener = openListener(edge, flags);
    try {
      if (flags.pidfile !== "") writePid(flags.pidfile);
      serve({ listener: listener.fd, signals }, flags, log);
    } finally {
      listener.close();
      if (flags.pidfile !== "") fs.rmSync(flags.pidfile, { force: true });
    }
    return 0;
  } catch (error) {
    log(reasonOf(error));
    return 1;
  }
}

function serve(
  { listener, signals }: { listener: number; signals: number },
  { socketpath, hostprefix }: Flags,
  log: (line: string) => void,
): void {
  const folder = leaseFolder(`${hostprefix}${socketpath}`);
  const keeper = createKeeper({ folder, hostPrefix: hostprefix, resumes: true, log });
  const complain = oncePerText(log);
  try {
    for (let isEnded = false; !isEnded; ) {
      // The leases that it knows must be renewed all the same: nobody else does it.
      complain((once) => logging([Error], { log: once, what: `Cannot look at ${folder}` }, keeper.scan));
      const left = Math.min(keeper.work() - readBootClock(), LOOK);
      const [, hasSignal] = poll([listener, signals, ...keeper.fds()], left);
      if (hasSignal) readSignal(signals);
      isEnded = hasSignal ?? false;
      answerKnocks(listener);
    }
  } finally {
    keeper.close();
  }
}

/** A connection only says that there is something to look at. */
function answerKnocks(listener: number): void {
  for (let fd = acceptUnix(listener); fd !== undefined; fd = acceptUnix(listener)) discard(fd);
}

/** The socket that systemd has opened, or one of our own, which is deleted at the end. @throws Error, LinuxError */
function openListener(
  { environment }: ToolEdge,
  { socketpath, hostprefix }: Flags,
): { readonly fd: number; readonly close: () => void } {
  const count = environment["LISTEN_PID"] === String(ownProcessId()) ? Number(environment["LISTEN_FDS"]) : 0;
  if (count > 1) throw new Error("Too many sockets activated by systemd: must be one");
  if (count === 1) return { fd: FIRST_PASSED, close: () => {} };
  const file = `${hostprefix}${socketpath}`;
  makeFolders(path.dirname(file), 0o700);
  const fd = listenUnix(file);
  const close = () => {
    discard(fd);
    fs.rmSync(file, { force: true });
  };
  return { fd, close };
}

function writePid(file: string): void {
  try {
    fs.writeFileSync(file, String(ownProcessId()), { mode: 0o644 });
  } catch (error) {
    fs.rmSync(file, { force: true });
    throw new Error(`Error writing pidfile ${JSON.stringify(file)}: ${reasonOf(error)}`);
  }
}
