import { CniError } from "../cni/error.ts";
import type { Request } from "../cni/request.ts";
import type { Result } from "../cni/result.ts";
import { compareVersions } from "../cni/version.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Container } from "./host.ts";

/**
 * Refuses ADD if the container already has the interface. Call it before IPAM: otherwise the DEL after the failed ADD would
 * release the lease of the existing interface. @throws CniError interfaceExists
 */
export function refuseExisting({ netlink, path }: Container, ifname: string): void {
  if (findLink(netlink, ifname) === undefined) return;
  throw new CniError("interfaceExists", `container veth name (${JSON.stringify(ifname)}) already exists in ${path}`);
}

/**
 * Refuses a network without IPAM whose result cannot be told: before 0.3.0 a result has addresses alone. Same message as the Go plugins,
 * which fail only after setup. @throws CniError invalidConfig
 */
export function refuseUnreportable({ version }: Pick<Request, "version">): void {
  if (compareVersions(version, "0.3.0") >= 0) return;
  const details = `a network without IPAM needs cniVersion 0.3.0 or newer, found ${version}`;
  throw new CniError("invalidConfig", "cannot convert: no valid IP addresses", { details });
}

/**
 * The differences between a container's interface and the result of ADD, as sentences. The interface must exist, be of this
 * `kind` ("veth"), have the reported MAC, and be up unless `mayBeDown` is set.
 */
export function checkInterface(
  { path }: Container,
  link: Link | undefined,
  { ifname, kind, result, mayBeDown }: { ifname: string; kind: string; result: Result; mayBeDown: boolean },
): string[] {
  const what = `Interface "${ifname}" in ${path}`;
  const named = result.interfaces.filter((each) => each.name === ifname && each.sandbox !== undefined);
  const reported = named.find((each) => each.sandbox === path);
  if (reported === undefined) {
    const found = named.length === 0 ? "none" : named.map((each) => each.sandbox).join(", ");
    return [`prevResult has no interface "${ifname}" in ${path}, found ${found}`];
  }
  if (link === undefined) return [`${what} is missing`];
  if (link.kind !== kind) return [`${what} is a ${link.kind || "device"}, expected a ${kind}`];
  const up = link.up || mayBeDown ? [] : [`${what} is down, expected up`];
  return [...checkMac(what, reported.mac, link), ...up];
}

/** The difference between a link's MAC and the reported one, as a sentence about `what`. Nothing if no MAC was reported. */
export function checkMac(what: string, expected: string | undefined, link: Link): string[] {
  if (expected === undefined || expected.toLowerCase() === link.mac) return [];
  return [`${what} has MAC ${link.mac}, expected ${expected}`];
}
