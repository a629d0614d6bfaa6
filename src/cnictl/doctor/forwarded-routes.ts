import { type Address, type Family, formatAddress, parseAddress } from "../../ip/address.ts";
import { NetlinkError } from "../../netlink/acknowledgement.ts";
import { listAddresses } from "../../netlink/address/list.ts";
import { findLink } from "../../netlink/link/get.ts";
import { listLinks } from "../../netlink/link/list.ts";
import type { Link } from "../../netlink/link/message.ts";
import { findDefaultRoute } from "../../netlink/route/default.ts";
import { findRoute, getRoute, listRoutes } from "../../netlink/route/list.ts";
import type { Rtnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { handling } from "../../platform/outcome.ts";
import { FORWARDING } from "../../steps/forwarding.ts";
import { bareAddress } from "../inventory/bare-address.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { type Needs, needsOf, routedLinks } from "./needs.ts";

/** Asks the kernel where it would route a packet of a container to another network. It sends none. */
export const routeCheck: Check = {
  name: "route",
  run: (examination) =>
    examination.networks
      .map(needsOf)
      .flatMap((needs) =>
        ([4, 6] as const).flatMap((family) => orCannotTell(needs.name, () => judge(examination, needs, family))),
      ),
};

/** Addresses of other networks, for questions to the kernel: TEST-NET-2 (RFC 5737), and the documentation prefix (RFC 3849). */
const OUTSIDE: Readonly<Record<Family, Address>> = {
  4: { family: 4, value: 0xc6_33_64_01n },
  6: { family: 6, value: 0x2001_0db8n << 96n },
};

/** A packet that a container sends. */
interface Sent {
  readonly source: Address;
  /** The host's link that it comes in by. */
  readonly input: Link;
}

function judge(examination: Examination, needs: Needs, family: Family): readonly Found[] {
  const sent = findSent(examination, needs, family);
  const subject = needs.name;
  if (sent === undefined) return [];
  const { netlink } = examination.host;
  if (findDefaultRoute(netlink, family) === undefined) {
    const lost = findLostUplink(netlink, sent, family);
    if (lost === undefined) return [];
    const message = `the host has no default route, and ${lost}: containers reach no other networks`;
    return [{ level: "note", subject, message, cure: "ip route; ip -brief link" }];
  }
  const destination = OUTSIDE[family];
  // What the host itself cannot send is no matter of its containers.
  if (findRoute(netlink, destination) === undefined) return [];
  const refusal = handling([NetlinkError], () => void getRoute(netlink, destination, sent), explain);
  const what = `${formatAddress(sent.source)} by link "${sent.input.name}"`;
  if (refusal === undefined) return [{ level: "ok", subject, message: `the host routes packets from ${what}` }];
  const message = `the host routes its own packets to other networks, but not those from ${what}: ${refusal}`;
  const words = `ip route get ${formatAddress(destination)} from ${formatAddress(sent.source)} iif ${sent.input.name}`;
  return [{ level: "warning", subject, message, cure: `ip rule; ${words}` }];
}

/**
 * What tells that a host without default route should have one: a link with addresses that is down, or a network that the host is on,
 * and no gateway in any. Undefined for a host that routes between its containers alone, and for one with routes of its own choice.
 */
function findLostUplink(netlink: Rtnetlink, { input }: Sent, family: Family): string | undefined {
  const routes = listRoutes(netlink, { family }).filter(({ index }) => index !== input.index);
  if (routes.some(({ gateway, nextHops }) => gateway !== undefined || nextHops.length > 0)) return undefined;
  const down = listLinks(netlink).find((link) => !link.up && listAddresses(netlink, link, family).length > 0);
  if (down !== undefined) return `link "${down.name}" is down`;
  // Every link has an IPv6 network of its own, and many hosts have IPv6 between their containers alone.
  return family === 4 && routes.length > 0 ? "no gateway in its networks" : undefined;
}

/** A packet of a living container whose network the host routes for; undefined if there is none, or if the host does not forward at all. */
function findSent({ host, inventory, isLiving }: Examination, needs: Needs, family: Family): Sent | undefined {
  const routed = routedLinks(needs);
  if (routed.length === 0 || host.sysctls.find(FORWARDING[family]) !== "1") return undefined;
  for (const { network, cached } of inventory().attachments) {
    if (network !== needs.name || cached === undefined || !isLiving(cached.netns)) continue;
    const addresses = cached.addresses.flatMap((text) => parseAddress(bareAddress(text)) ?? []);
    const source = addresses.find((each) => each.family === family);
    const name = cached.hostLinks.find((each) => routed.some((pattern) => isNamed(each, pattern)));
    const input = source && name !== undefined ? findLink(host.netlink, name) : undefined;
    if (source === undefined || input === undefined || !input.up) continue;
    const forwards = host.sysctls.find(`net/ipv${family}/conf/${input.name}/forwarding`) === "1";
    if (forwards && listAddresses(host.netlink, input, family).length > 0) return { source, input };
  }
  return undefined;
}

/** Whether a link has the name, or begins as it does up to a "*". */
function isNamed(link: string, pattern: string): boolean {
  return pattern.endsWith("*") ? link.startsWith(pattern.slice(0, -1)) : link === pattern;
}

/** What the kernel's refusal means. fib_validate_source() and the types of routes and rules: ip-route(8), ip-rule(8) */
function explain({ errno, message }: NetlinkError): string {
  if (errno === ERRNO.EXDEV) return "rp_filter drops them, because the answers would leave by another link";
  const kinds: Readonly<Record<number, string>> = {
    [ERRNO.EACCES]: "a rule or route of type prohibit refuses them",
    [ERRNO.EINVAL]: "a rule or route of type blackhole drops them",
    [ERRNO.EHOSTUNREACH]: "a rule or route of type unreachable refuses them",
    [ERRNO.ENETUNREACH]: "the table that a rule selects for them has no route",
  };
  return kinds[errno] ?? message;
}
