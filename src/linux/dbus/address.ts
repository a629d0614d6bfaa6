import { ifPossible } from "../../platform/outcome.ts";

/** The system bus's default address. A variable may override it. D-Bus Specification, "Well-known Message Bus Instances" */
const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";

/**
 * The UNIX sockets of the system bus, in the order to try them: paths, or names starting with NUL for Linux's abstract namespace. Other
 * kinds of address are skipped. D-Bus Specification, "Server Addresses"
 */
export function systemBusSockets(environment: Readonly<Record<string, string>>): readonly string[] {
  const addresses = environment["DBUS_SYSTEM_BUS_ADDRESS"] ?? SYSTEM_BUS;
  return addresses.split(";").flatMap(parseAddress);
}

function parseAddress(address: string): readonly string[] {
  const [, list] = /^unix:(.*)$/.exec(address) ?? [];
  if (list === undefined) return [];
  const values = new Map(list.split(",").map((pair) => splitPair(pair)));
  const [path, abstract] = [values.get("path"), values.get("abstract")];
  if (path !== undefined) return [path];
  return abstract === undefined ? [] : [`\0${abstract}`];
}

function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), decodeValue(pair.slice(at + 1))];
}

/** Decodes a value. Bytes may be written as % and two hexadecimal digits, as in a URI. */
function decodeValue(text: string): string {
  return ifPossible(() => decodeURIComponent(text)) ?? text;
}
