import fs from "#fs";
import { CniError, type ErrorName } from "../cni/error.ts";
import { ADDRESS_BITS, type Address, formatAddress } from "../ip/address.ts";
import { systemBusSockets } from "../linux/dbus/address.ts";
import { type Bus, connectBus, DbusError } from "../linux/dbus/bus.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";

const NAME = "org.fedoraproject.FirewallD1";

/** The D-Bus object with the zone methods. firewalld.dbus(5) */
const ZONES = { destination: NAME, path: "/org/fedoraproject/FirewallD1", interface: `${NAME}.zone` } as const;

/** A running firewalld. */
export interface Firewalld {
  readonly bus: Bus;
}

/**
 * Finds firewalld on the system bus; undefined if it does not run, or there is no bus, which only costs a check for a file. Does not
 * start firewalld. Logs why it could not be asked.
 */
export function findFirewalld(
  environment: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Firewalld | undefined {
  for (const socket of systemBusSockets(environment)) {
    if (!socket.startsWith("\0") && !fs.existsSync(socket)) continue;
    try {
      const bus = connectBus(socket);
      if (bus.hasOwner(NAME)) return { bus };
      bus.close();
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      log(`Cannot ask whether firewalld runs: ${error.message}`);
    }
  }
  return undefined;
}

/**
 * Adds addresses to a zone, and removes them from any other. Repeating it is safe.
 * @throws CniError invalidConfig if the zone does not exist, tryAgainLater without an answer in 60 s, firewalldFailed
 */
export function addSources({ bus }: Firewalld, zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const source = formatSource(address);
    tolerate(`put ${source} into zone ${JSON.stringify(zone)}`, ["ZONE_ALREADY_SET"], () => {
      const answer = tolerate("", ["ZONE_CONFLICT"], () => ask(bus, "addSource", [zone, source]));
      // An earlier container had the address, with another configuration.
      if (answer === "ZONE_CONFLICT") ask(bus, "changeZoneOfSource", [zone, source]);
    });
  }
}

/** Removes addresses from whichever zone they are in. Nothing to remove is success. @throws CniError firewalldFailed */
export function removeSources({ bus }: Firewalld, zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const source = formatSource(address);
    tolerate(`take ${source} out of its zone`, ["UNKNOWN_SOURCE"], () => {
      const isElsewhere = ["UNKNOWN_SOURCE", "ZONE_CONFLICT", "INVALID_ZONE"];
      const answer = tolerate("", isElsewhere, () => ask(bus, "removeSource", [zone, source]));
      // The configuration may have named another zone at the time of ADD.
      if (answer !== undefined && answer !== "UNKNOWN_SOURCE") ask(bus, "removeSource", ["", source]);
    });
  }
}

/**
 * The addresses missing from a zone, one sentence each.
 * @throws CniError invalidConfig if the zone does not exist, tryAgainLater without an answer in 60 s, firewalldFailed
 */
export function missingSources({ bus }: Firewalld, zone: string, addresses: readonly Address[]): readonly string[] {
  return addresses.map(formatSource).flatMap((source) => {
    const action = `ask for ${source} in zone ${JSON.stringify(zone)}`;
    let isThere = false;
    tolerate(action, [], () => {
      isThere = ask(bus, "querySource", [zone, source]) === true;
    });
    return isThere ? [] : [`Zone ${JSON.stringify(zone)} of firewalld must have the source ${source}`];
  });
}

/** Whether the zone exists. @throws CniError firewalldFailed */
export function knowsZone({ bus }: Firewalld, zone: string): boolean {
  const action = `ask for zone ${JSON.stringify(zone)}`;
  return tolerate(action, ["INVALID_ZONE"], () => ask(bus, "querySource", [zone, "0.0.0.0/32"])) === undefined;
}

/** One address as the reference plugins write it. firewalld compares the text. */
function formatSource(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

function ask(bus: Bus, member: string, args: readonly string[]): string | boolean | undefined {
  return bus.call({ ...ZONES, member, args });
}

/** Runs a call to firewalld. Returns the firewalld error among `names` that it failed with, if any. */
function tolerate(action: string, names: readonly string[], run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // firewalld has a single D-Bus error. Its text starts with firewalld's own error name.
    const found = names.find((name) => error.message.startsWith(name));
    if (found !== undefined) return found;
    if (action === "") throw error;
    const name = nameFor(error);
    throw new CniError(name, `Cannot ${action} with firewalld: ${error.message}`, { cause: error });
  }
}

function nameFor(error: Error): ErrorName {
  if (error instanceof LinuxError && error.errno === ERRNO.ETIMEDOUT) return "tryAgainLater";
  return error.message.startsWith("INVALID_ZONE") ? "invalidConfig" : "firewalldFailed";
}

/** Whether firewalld refused, did not answer, or sent a malformed answer. */
function isRefusal(error: unknown): error is Error {
  return error instanceof DbusError || error instanceof LinuxError || error instanceof RangeError;
}
