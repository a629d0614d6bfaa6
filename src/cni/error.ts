import { formatJson } from "./json.ts";

/**
 * Every way in which a plugin can fail, and its exit code. Codes below 100 are the specification's (SPEC.md, "Error"; 8 is the
 * reference library's); codes from 100 are this project's own. docs/errors.md is made from this table by `npm run documents`: the
 * first sentence of an entry says what the code means, the rest what to do.
 */
export const ERROR_CODES = {
  /** The plugin does not support the configuration's `cniVersion`. Use one that VERSION lists. */
  incompatibleVersion: 1,
  /** The host cannot serve a field of the configuration. The message names the field and what is missing: install it, or remove the field. */
  unsupportedField: 2,
  /** The container is not known. Nothing was added, or another cache of results has it. */
  unknownContainer: 3,
  /** A `CNI_` variable is missing or malformed. The message names it; it is set by the runtime, or by `cnictl`. */
  invalidEnvironment: 4,
  /** Standard input or output failed, or a file that the configuration names cannot be read. Check that the runtime keeps both open, and the file. */
  ioFailure: 5,
  /** The input is not JSON of the expected kind. Correct the file: the message has the position. */
  decodingFailure: 6,
  /** The network configuration is wrong. The message names the key, the value and what is required. */
  invalidConfig: 7,
  /** `CNI_NETNS` is not a network namespace, or is the host's own. Check the path; the container may have exited. */
  invalidNetns: 8,
  /** Something is busy, or memory is short. Try again; runtimes do. */
  tryAgainLater: 11,
  /** STATUS: ADD cannot be served. The message says what is missing and how to get it. */
  unavailable: 50,
  /** STATUS: ADD cannot be served, and running containers may have lost connectivity. */
  limitedConnectivity: 51,
  /** A range set has no free address. The details have the counts: delete containers, or add a range. */
  noAddressAvailable: 100,
  /** The requested address is in use, excluded, a gateway's, or outside every subnet, or it is in use elsewhere on the link. The message says which; request another. */
  addressUnavailable: 101,
  /** This container and interface already have a lease. Run DEL first. */
  duplicateAllocation: 102,
  /** The folder of leases cannot be read or written. Check its permissions and the disk. */
  leaseStore: 103,
  /** CHECK: the attachment differs from what ADD made. The message lists every difference: delete the container and add it again. */
  checkFailed: 104,
  /** The container already has an interface of this name; for `bandwidth`, the host has an IFB of this name; for `host-device`, a link; for `sbr`, an address has a rule of an earlier ADD; for `vrf`, the interface is in a VRF or a bridge. Delete the attachment first, or use another `CNI_IFNAME`. */
  interfaceExists: 105,
  /** The bridge cannot be used as it is: another kind of link has its name, it has another address, it does not filter VLANs, or it has 1,023 ports, as many as the kernel allows. Change the bridge, or set `bridge` to another name. */
  bridgeConflict: 106,
  /** The kernel refused a request. The message has the request and the kernel's answer. */
  kernelRequest: 107,
  /** A delegated plugin cannot be run, or gave no usable answer. Install it in a folder of `CNI_PATH`. */
  delegateFailed: 108,
  /** Something did not finish in time. Try again when the host is less busy. */
  deadlineExceeded: 109,
  /** `lo` in the container has an address other than 127.0.0.0/8 and ::1. Remove it before ADD. */
  loopbackConflict: 110,
  /** The host's port is already mapped to another container. The message names it: use another port, or `cnictl gc NETWORK` if it is gone. */
  portConflict: 111,
  /** firewalld refused, or did not answer. See `journalctl -u firewalld`. */
  firewalldFailed: 115,
  /** A bug in the plugin. Report it with the text on stderr. */
  internal: 999,
} as const;

/** The name of one way to fail. */
export type ErrorName = keyof typeof ERROR_CODES;

interface ErrorOptions {
  readonly details?: string;
  readonly cause?: unknown;
  readonly path?: readonly PropertyKey[] | undefined;
}

/** An error that a plugin reports as the specification's error object. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string;
  /** The keys and indexes that lead to the part of the configuration that is wrong, if that part is known. */
  readonly path: readonly PropertyKey[] | undefined;

  /** `name` is a name of ERROR_CODES, or the code that another plugin returned. */
  constructor(name: ErrorName | number, message: string, options: ErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.code = typeof name === "number" ? name : ERROR_CODES[name];
    this.details = options.details ?? "";
    this.path = options.path;
  }
}

/**
 * The error object as the reference prints it: keys code, msg and, if not empty, details; no line end. An AggregateError has the code
 * of its first error. A refusal of the system has code 107, or 11 if it is temporary (BUSY) or memory is short. Any other error is a
 * bug and has code 999.
 */
export function formatError(error: unknown): string {
  const { code, message, details } = toCniError(error);
  return formatJson({ code, msg: message, ...(details === "" ? {} : { details }) });
}

/** Turns an error into a CniError. A CniError stays as it is, several errors become one, and any other error keeps its text. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof AggregateError && error.errors.length > 0) return joinErrors(error);
  return new CniError(nameOf(error), reasonOf(error), { cause: error });
}

/** The text of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message of an error, and its details in brackets if it has any: one sentence among several. */
export function fullReasonOf(error: unknown): string {
  const details = error instanceof CniError && error.details !== "" ? ` (${error.details})` : "";
  return `${reasonOf(error)}${details}`;
}

/** Error codes of a system that is busy or short of memory for now: the same call may succeed later. */
const BUSY: readonly unknown[] = ["EAGAIN", "EINTR", "ERESTART", "ENOMEM", "ENOBUFS", "ENFILE", "ETIMEDOUT"];

function nameOf(error: unknown): ErrorName {
  if (isOutOfMemory(error)) return "tryAgainLater";
  if (!isSystemError(error)) return "internal";
  return "code" in error && BUSY.includes(error.code) ? "tryAgainLater" : "kernelRequest";
}

/** The error that the native image's engine throws when it runs out of memory. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && error.name === "InternalError" && error.message === "out of memory";
}

/** Whether a system call failed. Such an error carries the name of the call and its errno. */
export function isSystemError(error: unknown): error is Error & { errno: number; syscall: string } {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" && "syscall" in error;
}

function joinErrors(aggregate: AggregateError): CniError {
  const errors = aggregate.errors.map(toCniError);
  const join = (texts: readonly string[]): string => texts.filter((text) => text !== "").join("; ");
  return new CniError(errors[0]?.code ?? ERROR_CODES.internal, join(errors.map((each) => each.message)), {
    details: join(errors.map((each) => each.details)),
    cause: aggregate,
  });
}
