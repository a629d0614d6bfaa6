import { parseConfig } from "../cni/config.ts";
import { type Delegation, orAbandon } from "../cni/delegate.ts";
import { CniError } from "../cni/error.ts";
import { DelegateError } from "../cni/exit.ts";
import { findIpamType, type Request } from "../cni/request.ts";
import type { Dns, Result } from "../cni/result.ts";
import { ipam as ipamSchema } from "../cni/schema.ts";
import type { Host } from "./host.ts";
import { type Defer, runAll } from "./undo.ts";

/** How long IPAM may take to give back what it gave, in ms: less than for ADD, which may have taken all of its time already. */
const UNDO_MS = 15_000;

/** The IPAM plugin whose lease is released by a message from the container's interface, which must still be up. RFC 2131, 4.4.6 */
const DHCP = "dhcp";

/** An ADD of the IPAM plugin. */
export interface Assignment {
  /** From now on the plugin acts. It may take its time, so not while other calls wait for something that this one holds. */
  readonly begin: () => void;
  /** Waits for its addresses. @throws CniError the plugin's own, or delegateFailed where it gives no address */
  readonly result: () => Result;
}

/**
 * Starts the IPAM plugin's ADD, before all else because a process takes its time to get ready; it acts when it is told to begin.
 * From then on it may hold an address, so its DEL is owed when the call fails. Undefined where the network has no IPAM plugin.
 */
export function holdAssignment(request: Request, host: Host, defer: Defer): Assignment | undefined {
  const type = findIpamType(request);
  if (type === undefined) return undefined;
  const ipam = host.delegate(request, { command: "ADD", type, held: true });
  defer(() => {
    if (ipam.abandon() || hasRefused(ipam)) return;
    host.delegate(request, { command: "DEL", type, deadline: UNDO_MS }).done();
  });
  return { begin: ipam.begin, result: () => requireAddresses(ipam.result()) };
}

/**
 * Runs the IPAM plugin's CHECK beside the caller's own. Nothing runs where `inspect`, which reads what is to be compared, throws.
 * @throws what either check throws, both together where both fail
 */
export function checkWithIpam<T>(
  request: Request,
  host: Host,
  { inspect, compare }: { inspect: () => T; compare: (inspection: T) => void },
): void {
  const type = findIpamType(request);
  const ipam = type === undefined ? undefined : host.delegate(request, { command: "CHECK", type, held: true });
  const inspection = orAbandon(ipam, inspect);
  ipam?.begin();
  runAll([() => compare(inspection), () => ipam?.done()]);
}

/** A DEL of the IPAM plugin. Its plugin acts before the interface is deleted or after, as its kind of lease needs. */
export interface Release {
  /** To be called while the interface is up. @throws CniError */
  readonly beforeInterface: () => void;
  /** To be called when the interface is gone: until then nobody else must get its addresses. @throws CniError */
  readonly afterInterface: () => void;
  /** To be called instead, where the interface could not be deleted: its addresses stay taken. */
  readonly keep: () => void;
}

/** Starts the IPAM plugin's DEL, which acts when it is told to. Without one there is nothing to do. @throws CniError invalidConfig */
export function holdRelease(request: Request, host: Host): Release {
  const type = readIpamType(request);
  const nothing = () => {};
  if (type === undefined) return { beforeInterface: nothing, afterInterface: nothing, keep: nothing };
  const ipam = host.delegate(request, { command: "DEL", type, held: true });
  const [beforeInterface, afterInterface] = type === DHCP ? [ipam.done, nothing] : [nothing, ipam.done];
  return { beforeInterface, afterInterface, keep: () => void ipam.abandon() };
}

/** Has the IPAM plugin reclaim what it has given to attachments that the runtime does not name as valid. @throws CniError */
export function collectLeases(request: Request, host: Host): void {
  const type = readIpamType(request);
  if (type !== undefined) host.delegate(request, { command: "GC", type }).done();
}

/**
 * Asks the IPAM plugin for its STATUS beside what `examine` asks the host. @throws CniError what the plugin says, unavailable where it
 * cannot be run, and what `examine` throws
 */
export function statusWithIpam(request: Request, host: Host, examine: () => void): void {
  const type = findIpamType(request);
  let ipam: Delegation | undefined;
  runAll([
    () => {
      if (type !== undefined) ipam = orUnavailable(() => host.delegate(request, { command: "STATUS", type }));
    },
    examine,
    () => orUnavailable(() => ipam?.done()),
  ]);
}

/** The DNS settings of an interface plugin's result: those of its own configuration where there are any, else IPAM's. */
export function chooseDns(configured: Dns | undefined, assigned: Result | undefined): Dns {
  const isSet = Object.values(configured ?? {}).some((member) => member !== undefined);
  return configured !== undefined && isSet ? configured : (assigned?.dns ?? {});
}

/** All that DEL and GC need of the configuration: what else is in it may be wrong by now. @throws CniError invalidConfig */
function readIpamType(request: Request): string | undefined {
  const type = parseConfig(ipamSchema, request.config).ipam?.type;
  return type === "" ? undefined : type;
}

function requireAddresses(result: Result): Result {
  if (result.ips.length > 0) return result;
  throw new CniError("delegateFailed", "IPAM plugin returned missing IP config");
}

/** Waits for the plugin's end. One that returned a valid CNI error has rolled back its own changes. */
function hasRefused(ipam: Delegation): boolean {
  try {
    ipam.done();
    return false;
  } catch (error) {
    return error instanceof DelegateError;
  }
}

function orUnavailable<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof CniError) || error instanceof DelegateError) throw error;
    throw new CniError("unavailable", `Cannot use the IPAM plugin: ${error.message}`, {
      details: error.details || "install it in a folder of CNI_PATH, or set ipam.type to another",
      cause: error,
    });
  }
}
