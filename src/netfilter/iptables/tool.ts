import fs from "#fs";
import path from "#path";
import type { Family } from "../../ip/address.ts";
import type { Child, LaunchOptions } from "../../linux/child.ts";
import { discard } from "../../linux/discard.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";
import { translating } from "../../platform/outcome.ts";
import { describeMissing, findExecutable } from "../executable.ts";
import type { Attachment } from "../owner.ts";
import { holdRestores } from "../rule-locks.ts";

/** Why an iptables command failed: it is not installed, others held the lock, or it refused. */
export type Failure = "missing" | "busy" | "refused";

/** An iptables command failed and changed nothing; `failure` says why. */
export class IptablesError extends Error {
  override readonly name = "IptablesError";
  readonly failure: Failure;

  constructor(failure: Failure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/**
 * How commands run: the function that starts them, their environment, the deadline (of `performance.now()`) for the xtables lock, and
 * the attachments that they add rules for. These let awaitRestores() find commands that a killed call left behind.
 */
export interface Invocation {
  readonly environment: Readonly<Record<string, string>>;
  readonly deadline: number;
  readonly launch: (executable: string, options: LaunchOptions) => Child;
  readonly owners: readonly Attachment[];
  /** Holds changes back. Without it they are applied at once. */
  readonly restores?: Restores | undefined;
}

/** A change by `iptables-restore`. */
export interface Restore {
  readonly family: Family;
  readonly input: string;
  readonly invocation: Invocation;
  readonly variant: Variant | undefined;
}

/** Where changes are held back. */
export interface Restores {
  /** Holds a change back, which then counts as done. */
  readonly hold: (restore: Restore) => void;
  /** The inputs of a family that are held back, oldest first. */
  readonly inputs: (family: Family) => readonly string[];
}

/** How long in seconds to wait for the xtables lock. It is less than any runtime waits for a plugin. */
const LOCK_SECONDS = 30;

/** How long a command may take in milliseconds, besides waiting for the lock. */
const WORK_MS = 10_000;

/** The limit in bytes of a command's output. POSTROUTING has at most one line for each container. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** Exit status of an iptables command that waited too long for the lock, and of some other failures. iptables' include/xtables.h */
const RESOURCE_PROBLEM = 4;

const NAME = { 4: "iptables", 6: "ip6tables" } as const;

/** An invocation whose deadline for the lock starts now. */
export function invocationFor(
  { environment, launch, restores }: Pick<Invocation, "environment" | "launch" | "restores">,
  owner?: Attachment,
): Invocation {
  const deadline = performance.now() + LOCK_SECONDS * 1000;
  return { environment, launch, restores, deadline, owners: owner === undefined ? [] : [owner] };
}

/** The path of a family's `iptables-restore`. @throws IptablesError missing */
export function findRestore(family: Family, environment: Invocation["environment"]): string {
  return findTool([`${NAME[family]}-restore`], environment);
}

/** The kind of tables that a family's commands change: those in nf_tables, or the kernel's older ones. */
export type Variant = "nft" | "legacy";

/**
 * The variant of a family's commands. Usually the name of the executable shows it; otherwise the command is asked for its version.
 * @throws IptablesError
 */
export function variantOf(family: Family, invocation: Invocation): Variant {
  const file = path.basename(fs.realpathSync(findRestore(family, invocation.environment)));
  if (file.includes("nft")) return "nft";
  if (file.includes("legacy") || file === "xtables-multi") return "legacy";
  const said = start([NAME[family]], { args: ["--version"], stdin: "", invocation })();
  return said.includes("nf_tables") ? "nft" : "legacy";
}

/**
 * Starts `iptables-restore --noflush --wait`, which applies the whole input or nothing. The returned function waits for its end. With
 * `variant`, uses that variant's command if it is installed. Both functions can throw. @throws IptablesError
 */
export function startRestore(
  family: Family,
  input: string,
  invocation: Invocation,
  { variant }: { variant?: Variant | undefined } = {},
): () => void {
  const names = [...(variant === undefined ? [] : [`${NAME[family]}-${variant}-restore`]), `${NAME[family]}-restore`];
  if (invocation.restores !== undefined) {
    findTool(names, invocation.environment);
    invocation.restores.hold({ family, input, invocation, variant });
    return () => {};
  }
  const which = (family === 4 ? 0 : 1) + (variant === "legacy" ? 2 : 0);
  const held = invocation.owners.length === 0 ? undefined : holdRestores(invocation.owners, which, invocation);
  try {
    const args = ["--noflush", "--wait", secondsLeft(invocation)];
    const wait = start(names, { args, stdin: input, invocation, inherited: held });
    return () => void wait();
  } finally {
    if (held !== undefined) discard(held);
  }
}

/**
 * The output of `iptables -t TABLE -S`, one rule a line. The default table is nat; with a chain, only that chain.
 * @throws IptablesError
 */
export function listTable(
  family: Family,
  invocation: Invocation,
  { table = "nat", chain, variant }: { table?: string; chain?: string; variant?: Variant } = {},
): string {
  const names = [...(variant === undefined ? [] : [`${NAME[family]}-${variant}`]), NAME[family]];
  const args = ["-w", secondsLeft(invocation), "-t", table, "-S", ...(chain === undefined ? [] : [chain])];
  return start(names, { args, stdin: "", invocation })();
}

/**
 * Starts commands, which run at once, and waits for all of them. It also waits if one does not start: no command may change rules after
 * this call. Throws the first error.
 */
export function runAtOnce(starts: readonly (() => () => void)[]): void {
  const failures: unknown[] = [];
  const attempt = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      failures.push(error);
      return undefined;
    }
  };
  for (const wait of starts.map(attempt)) if (wait !== undefined) attempt(wait);
  if (failures.length > 0) throw failures[0];
}

function start(
  names: readonly string[],
  {
    args,
    stdin,
    invocation,
    inherited,
  }: { args: readonly string[]; stdin: string; invocation: Invocation; inherited?: number | undefined },
): () => string {
  const executable = findTool(names, invocation.environment);
  const child = asIptablesError(() =>
    invocation.launch(executable, {
      args,
      environment: invocation.environment,
      stdin: new TextEncoder().encode(stdin),
      inherited,
      deadline: Math.max(0, invocation.deadline - performance.now()) + WORK_MS,
      maxOutput: MAX_OUTPUT,
    }),
  );
  return () => {
    const { status, signal, stdout, stderr } = asIptablesError(() => child.wait());
    if (status === 0) return new TextDecoder().decode(stdout);
    const said = new TextDecoder()
      .decode(stderr)
      .trim()
      .replaceAll(/\s*\n\s*/g, "; ");
    if (status === RESOURCE_PROBLEM && said.includes("xtables lock")) throw refuseLock(executable);
    const end = status === undefined ? `signal ${signal}` : `status ${status}`;
    throw new IptablesError("refused", `${executable} ended with ${end}: ${said}`);
  };
}

/** Runs `run` and turns a LinuxError into an IptablesError. */
function asIptablesError<T>(run: () => T): T {
  return translating([LinuxError], run, ({ errno, message }) => {
    return new IptablesError(errno === ERRNO.ETIMEDOUT ? "busy" : "refused", message);
  });
}

function refuseLock(executable: string): IptablesError {
  const reason = `another program has held the xtables lock for ${LOCK_SECONDS} seconds`;
  return new IptablesError("busy", `${executable} has changed nothing: ${reason}`);
}

function secondsLeft({ deadline }: Invocation): string {
  return String(Math.max(1, Math.ceil((deadline - performance.now()) / 1000)));
}

function findTool(names: readonly string[], environment: Invocation["environment"]): string {
  const found = findExecutable(names, environment);
  if (found !== undefined) return found;
  throw new IptablesError("missing", `${describeMissing(names.at(-1) ?? "")}: install iptables`);
}
