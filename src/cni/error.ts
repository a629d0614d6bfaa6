import { formatJson } from "./json.ts";

/**
 * Every way in which a plugin can fail, and the code it leaves with. Below 100 the codes are the specification's
 * (SPEC.md, "Error"; 8 is the reference library's); from 100 up they are this project's own.
 */
export const ERROR_CODES = {
  /** The configuration's cniVersion is not one of the plugin's. */
  incompatibleVersion: 1,
  /** A field of the configuration that this plugin knows and cannot serve; the message names key and value. */
  unsupportedField: 2,
  /** The container is not known; a runtime need not call DEL. */
  unknownContainer: 3,
  /** A CNI_ variable is missing or malformed. */
  invalidEnvironment: 4,
  /** Standard input or output failed. */
  ioFailure: 5,
  /** Something received is not JSON of the expected kind. */
  decodingFailure: 6,
  /** The network configuration is wrong. */
  invalidConfig: 7,
  /** CNI_NETNS is no network namespace, or is the host's own. */
  invalidNetns: 8,
  /** Something is busy for the moment; the runtime should try again. */
  tryAgainLater: 11,
  /** STATUS: ADD cannot be served. */
  unavailable: 50,
  /** STATUS: ADD cannot be served, and running containers may have lost connectivity. */
  limitedConnectivity: 51,
  /** A range has no free address left. */
  noAddressAvailable: 100,
  /** The address asked for is taken, excluded or outside every range. */
  addressUnavailable: 101,
  /** This container and interface already hold a lease. */
  duplicateAllocation: 102,
  /** The folder of leases cannot be read or written. */
  leaseStore: 103,
  /** CHECK found something other than what ADD made. */
  checkFailed: 104,
  /** The container already has an interface of this name. */
  interfaceExists: 105,
  /** The bridge's name belongs to something else, or the bridge has another address. */
  bridgeConflict: 106,
  /** The kernel refused a request. */
  kernelRequest: 107,
  /** A delegated plugin cannot be found or run, or gave no usable answer. */
  delegateFailed: 108,
  /** Something did not finish in its time. */
  deadlineExceeded: 109,
  /** The loopback interface has an address that is none of its own. */
  loopbackConflict: 110,
  /** A port of the host's is already mapped to another container. */
  portConflict: 111,
  /** firewalld refused, or did not answer. */
  firewalldFailed: 115,
  /** A bug in the plugin. */
  internal: 999,
} as const;

/** The name of one way to fail. */
export type ErrorName = keyof typeof ERROR_CODES;

/** An error that leaves the plugin as the specification's error object. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string;

  /** `name` is one of the names above, or the code that another plugin chose. */
  constructor(name: ErrorName | number, message: string, options: { details?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.code = typeof name === "number" ? name : ERROR_CODES[name];
    this.details = options.details ?? "";
  }
}

/**
 * The error object as the reference prints it: keys code, msg and, where not empty, details; no line end. Errors that
 * failed together (AggregateError) leave with the first one's code, what the system refused with 107, for the moment
 * (BUSY) or for want of memory with 11. Any other error is a bug and leaves with 999.
 */
export function formatError(error: unknown): string {
  const { code, message, details } = toCniError(error);
  return formatJson({ code, msg: message, ...(details === "" ? {} : { details }) });
}

/** The error as a CniError: itself where it is one, several joined into one, any other by what it is, with its own text. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof AggregateError && error.errors.length > 0) return joinErrors(error);
  return new CniError(nameOf(error), reasonOf(error), { cause: error });
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the system says when it is busy, or has no room for the moment: the same call may succeed. */
const BUSY: readonly unknown[] = ["EAGAIN", "EINTR", "ERESTART", "ENOMEM", "ENOBUFS", "ENFILE", "ETIMEDOUT"];

function nameOf(error: unknown): ErrorName {
  if (isOutOfMemory(error)) return "tryAgainLater";
  if (!isSystemError(error)) return "internal";
  return "code" in error && BUSY.includes(error.code) ? "tryAgainLater" : "kernelRequest";
}

/** What the native image's engine throws where it is given no more memory. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && error.name === "InternalError" && error.message === "out of memory";
}

/** Whether a system call failed: such errors carry its name and the error number. */
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
