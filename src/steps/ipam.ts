import { type Delegation, orAbandon } from "../cni/delegate.ts";
import { CniError } from "../cni/error.ts";
import { DelegateError } from "../cni/exit.ts";
import { findMember, isObject } from "../cni/json.ts";
import { parseForRemoval } from "../cni/parse-request.ts";
import { findIpamType, type Request } from "../cni/request.ts";
import type { Dns, Result } from "../cni/result.ts";
import { ipam as ipamSchema } from "../cni/schema.ts";
import type { Host } from "./host.ts";
import { type Defer, runAll } from "./undo.ts";

/**
 * How long IPAM may take to release a lease after a failed ADD, in ms. It is less than for ADD, which may already have used all
 * its time.
 */
const UNDO_MS = 15_000;

/**
 * The IPAM plugin that asks for a lease and releases it with messages from the container's interface, which must be up. RFC 2131,
 * 4.4
 */
const DHCP = "dhcp";

/** With `ipam.checkConflict`, its ADD sends probes from the container's interface. It holds no lease, so the rest is as for others. */
const STATIC = "static";

/** An ADD of the IPAM plugin that is started and held. */
export interface Assignment {
  /** Whether the plugin sends from the interface, which must be up before `result`. */
  readonly usesInterface: boolean;
  /**
   * Lets the plugin act, unless it needs the interface to be up: then it acts in `result`. It may take long, so do not call this while you
   * hold a lock that other calls wait for.
   */
  readonly begin: () => void;
  /** Waits for the plugin's addresses. Call it when the interface is up. @throws CniError the plugin's own, or delegateFailed if it returns no address */
  readonly result: () => Result;
}

/**
 * Starts the IPAM plugin's ADD first, because a process needs time to start. The plugin acts only after `begin`. From then on
 * it may hold an address, so its DEL runs if the call fails. Undefined if the network has no IPAM plugin.
 */
export function holdAssignment(request: Request, host: Host, defer: Defer): Assignment | undefined {
  const type = findIpamType(request);
  if (type === undefined) {
    reportUntyped(request);
    return undefined;
  }
  const ipam = host.delegate(request, { command: "ADD", type, held: true });
  const release = () => {
    if (!hasRefused(ipam)) host.delegate(request, { command: "DEL", type, deadline: UNDO_MS }).done();
  };
  if (type === DHCP || (type === STATIC && checksConflicts(request))) return afterInterface(ipam, release, defer);
  defer(() => ipam.abandon() || release());
  return { usesInterface: false, begin: ipam.begin, result: () => requireAddresses(ipam.result()) };
}

/**
 * An ADD that sends from the container's interface: it acts when the caller waits for the addresses, so after the interface is up. Its
 * DEL runs before the interface is deleted.
 */
function afterInterface(ipam: Delegation, release: () => void, defer: Defer): Assignment {
  defer(() => ipam.abandon());
  const result = () => {
    defer(release);
    return requireAddresses(ipam.result());
  };
  return { usesInterface: true, begin: () => {}, result };
}

/** Reads one key. The plugin itself parses the configuration. */
function checksConflicts(request: Request): boolean {
  const settings = ipamSettings(request);
  return isObject(settings) && findMember(settings, "checkConflict") === true;
}

function ipamSettings({ config }: Request): unknown {
  return isObject(config) ? findMember(config, "ipam") : undefined;
}

/** Refuses a network without an IPAM plugin, for a plugin that needs one. @throws CniError invalidConfig with the message */
export function requireIpam(request: Request, message: string): void {
  if (findIpamType(request) !== undefined) return;
  throw new CniError("invalidConfig", message, { details: 'set "ipam" to { "type": "host-local", … }' });
}

/** Logs that the settings of an IPAM plugin have no effect, because none is named. */
function reportUntyped(request: Request): void {
  const { network, log } = request;
  const settings = ipamSettings(request);
  if (!isObject(settings) || Object.keys(settings).every((key) => key.toLowerCase() === "type")) return;
  log(`"ipam" of network "${network}" has no "type": the container gets no addresses`);
}

/**
 * Runs the IPAM plugin's CHECK in parallel with the caller's own check. `inspect` reads the state to compare; if it throws,
 * neither check runs. @throws the error of either check, or both together
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

/** A DEL of the IPAM plugin. The plugin acts before or after the interface is deleted, depending on its kind of lease. */
export interface Release {
  /** Call it while the interface is up. @throws CniError */
  readonly beforeInterface: () => void;
  /** Call it when the interface is deleted. Until then no other container may get its addresses. @throws CniError */
  readonly afterInterface: () => void;
  /** Call it instead of afterInterface if the interface could not be deleted. Its addresses stay reserved. */
  readonly keep: () => void;
}

/** Starts the IPAM plugin's DEL and holds it. Does nothing if the network has no IPAM plugin. @throws CniError invalidConfig */
export function holdRelease(request: Request, host: Host): Release {
  const type = readIpamType(request);
  const nothing = () => {};
  if (type === undefined) return { beforeInterface: nothing, afterInterface: nothing, keep: nothing };
  const ipam = host.delegate(request, { command: "DEL", type, held: true });
  const [beforeInterface, afterInterface] = type === DHCP ? [ipam.done, nothing] : [nothing, ipam.done];
  return { beforeInterface, afterInterface, keep: () => void ipam.abandon() };
}

/**
 * The steps of DEL around `remove`, which deletes the interface: the lease is released before it or after it, depending on its kind, and
 * stays if the interface could not be deleted.
 */
export function releaseAround(request: Request, host: Host, remove: () => void): readonly (() => void)[] {
  let lease: Release | undefined;
  let isGone = false;
  return [
    () => {
      lease = holdRelease(request, host);
    },
    () => lease?.beforeInterface(),
    () => {
      remove();
      isGone = true;
    },
    () => (isGone ? lease?.afterInterface() : lease?.keep()),
  ];
}

/** Runs the IPAM plugin's GC: it reclaims the leases of attachments that the runtime does not list as valid. @throws CniError */
export function collectLeases(request: Request, host: Host): void {
  const type = readIpamType(request);
  if (type !== undefined) host.delegate(request, { command: "GC", type }).done();
}

/**
 * The steps of GC: `removals` delete stale interfaces, then the IPAM plugin reclaims their leases. DHCP comes first, because it gives
 * leases back through the interfaces.
 */
export function collectAround(
  request: Request,
  host: Host,
  removals: readonly (() => void)[],
): readonly (() => void)[] {
  const collect = () => collectLeases(request, host);
  return findIpamType(request) === DHCP ? [collect, ...removals] : [...removals, collect];
}

/**
 * Runs the IPAM plugin's STATUS in parallel with `examine`, which checks the host. @throws CniError the plugin's own,
 * unavailable if it cannot be run, and any error of `examine`
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

/** The DNS settings of an interface plugin's result: those of its configuration if it has any, otherwise IPAM's. */
export function chooseDns(configured: Dns | undefined, assigned: Result | undefined): Dns {
  const isSet = Object.values(configured ?? {}).some((member) => member !== undefined);
  return configured !== undefined && isSet ? configured : (assigned?.dns ?? {});
}

/** The only key that DEL and GC need. The rest of the configuration may be invalid by now. @throws CniError invalidConfig from GC */
function readIpamType(request: Request): string | undefined {
  const type = parseForRemoval(ipamSchema, request)?.ipam?.type;
  return type === "" ? undefined : type;
}

function requireAddresses(result: Result): Result {
  if (result.ips.length > 0) return result;
  throw new CniError("delegateFailed", "IPAM plugin returned missing IP config");
}

/** Waits until the plugin ends. If it returned a valid CNI error, it has rolled back its own changes. */
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
