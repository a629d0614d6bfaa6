import fs from "#fs";
import { CniError, type ErrorName } from "../../src/cni/error.ts";
import { ADDRESS_BITS, type Address, formatAddress } from "../../src/ip/address.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { systemBusSockets } from "./dbus/address.ts";
import { type Bus, connectBus, DbusError } from "./dbus/bus.ts";

const NAME = "org.fedoraproject.FirewallD1";

/** The object whose methods deal with zones. firewalld.dbus(5) */
const ZONES = { destination: NAME, path: "/org/fedoraproject/FirewallD1", interface: `${NAME}.zone` } as const;

/** A firewalld that runs. */
export interface Firewalld {
  readonly bus: Bus;
}

/**
 * Finds firewalld on the system's message bus; undefined where it does not run, or there is no bus, which costs no more than a look for a file. It is not
 * started. What keeps us from asking is logged.
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

/** Puts addresses into a zone, out of any other. Twice is once. @throws CniError invalidConfig where there is no such zone, tryAgainLater without an answer in 60 s, firewalldFailed */
export function addSources({ bus }: Firewalld, zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const source = formatSource(address);
    tolerate(`put ${source} into zone ${JSON.stringify(zone)}`, ["ZONE_ALREADY_SET"], () => {
      const answer = tolerate("", ["ZONE_CONFLICT"], () => ask(bus, "addSource", [zone, source]));
      // A container that had the address before, with another configuration.
      if (answer === "ZONE_CONFLICT") ask(bus, "changeZoneOfSource", [zone, source]);
    });
  }
}

/** Takes addresses out of whichever zone they are in. Nothing there is success. @throws CniError firewalldFailed */
export function removeSources({ bus }: Firewalld, zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const source = formatSource(address);
    tolerate(`take ${source} out of its zone`, ["UNKNOWN_SOURCE"], () => {
      const isElsewhere = ["UNKNOWN_SOURCE", "ZONE_CONFLICT", "INVALID_ZONE"];
      const answer = tolerate("", isElsewhere, () => ask(bus, "removeSource", [zone, source]));
      // The configuration may have named another zone when the address came.
      if (answer !== undefined && answer !== "UNKNOWN_SOURCE") ask(bus, "removeSource", ["", source]);
    });
  }
}

/** What of it is missing, a sentence for each address. @throws CniError as addSources */
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

/** Whether there is such a zone. @throws CniError firewalldFailed */
export function knowsZone({ bus }: Firewalld, zone: string): boolean {
  const action = `ask for zone ${JSON.stringify(zone)}`;
  return tolerate(action, ["INVALID_ZONE"], () => ask(bus, "querySource", [zone, "0.0.0.0/32"])) === undefined;
}

/** One address, as the reference plugins write it: firewalld compares texts. */
function formatSource(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

function ask(bus: Bus, member: string, args: readonly string[]): string | boolean | undefined {
  return bus.call({ ...ZONES, member, args });
}

/** Runs what asks firewalld; returns which of these errors of firewalld's it ended with, if any. */
function tolerate(action: string, names: readonly string[], run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // firewalld has one D-Bus error, whose text begins with the name of its own.
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

/** Refused, not answered, or answered with what is no message. */
function isRefusal(error: unknown): error is Error {
  return error instanceof DbusError || error instanceof LinuxError || error instanceof RangeError;
}
