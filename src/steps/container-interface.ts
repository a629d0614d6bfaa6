import { CniError } from "../cni/error.ts";
import type { Interface, Result } from "../cni/result.ts";
import type { LinkBrief } from "../netlink/link/brief.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Container } from "./host.ts";

/**
 * Refuses an ADD for an interface that the container has already. To be called before IPAM: its DEL, should the call fail, would take the
 * lease of the interface that is there. @throws CniError interfaceExists
 */
export function refuseExisting({ netlink, path }: Container, ifname: string): void {
  if (findLink(netlink, ifname) === undefined) return;
  throw new CniError("interfaceExists", `container veth name (${JSON.stringify(ifname)}) already exists in ${path}`);
}

/** A link as a result reports it; with `sandbox`, the path of its namespace, it is a container's. */
export function reportLink({ name, mac, mtu }: LinkBrief, sandbox?: string): Interface {
  return { name, mac, mtu, ...(sandbox === undefined ? {} : { sandbox }) };
}

/** The host's interface of that name in a result; undefined where the result does not report one. */
export function findReported({ interfaces }: Result, name: string | undefined): Interface | undefined {
  return interfaces.find((each) => each.name === name && each.sandbox === undefined);
}

/**
 * What differs about a container's interface from what ADD reported, as sentences: it must be there, of this `kind` ("veth"), with the
 * MAC of the result, and up unless `mayBeDown`.
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

/** A difference between a link's MAC and the one reported, as a sentence about `what`; nothing where none was reported. */
export function checkMac(what: string, expected: string | undefined, link: Link): string[] {
  if (expected === undefined || expected.toLowerCase() === link.mac) return [];
  return [`${what} has MAC ${link.mac}, expected ${expected}`];
}
