import { CniError } from "../../src/cni/error.ts";
import type { Dns, Result, Route } from "../../src/cni/result.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import { UNSPECIFIED } from "../../src/dhcp/message.ts";
import { OPTION } from "../../src/dhcp/options.ts";
import type { Lease6 } from "../../src/dhcp/v6/lease.ts";
import { findNameServers, findSearchDomains as findSearchDomains6 } from "../../src/dhcp/v6/values.ts";
import {
  findAddresses,
  findClasslessRoutes,
  findMtu,
  findPrefixLength,
  findSearchDomains,
  findStaticRoutes,
  findText,
  type GivenRoute,
} from "../../src/dhcp/values.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { type Prefix, single } from "../../src/ip/prefix.ts";

/** RT_SCOPE_LINK, for a network on the link itself. <linux/rtnetlink.h> */
const LINK_SCOPE = 253;

/** The address of a lease with the length of its network part. @throws CniError tryAgainLater if the server names none */
export function prefixOf({ address, options }: Lease): Prefix {
  const length = findPrefixLength(options);
  if (length !== undefined) return { address, length };
  throw new CniError("tryAgainLater", "DHCP option Subnet Mask not found in DHCPACK", {
    details: "let the server send option 1",
  });
}

/** The result of a lease: its address, gateway, routes and DNS settings. */
export function answerOf(lease: Lease, prefix: Prefix, priority: number | undefined): Result {
  const [gateway] = findAddresses(lease.options, OPTION.ROUTERS);
  const ip = { address: prefix, ...(gateway !== undefined && { gateway }) };
  return { interfaces: [], ips: [ip], routes: routesOf(lease, priority), dns: dnsOf(lease) };
}

/** The result of an IPv6 lease: the address alone and DNS settings. Gateway and network come from router advertisements. */
export function answerOf6({ address, options }: Lease6): Result {
  const dns = { nameservers: findNameServers(options).map(formatAddress), search: findSearchDomains6(options) };
  return { interfaces: [], ips: [{ address: single(address) }], routes: [], dns: withoutEmpty(dns) };
}

/** One result of several, in their order. */
export function mergeAnswers(answers: readonly Result[]): Result {
  const list = (name: "nameservers" | "search") => [...new Set(answers.flatMap(({ dns }) => dns[name] ?? []))];
  const domain = answers.map(({ dns }) => dns.domain).find((each) => each !== undefined);
  return {
    interfaces: [],
    ips: answers.flatMap(({ ips }) => ips),
    routes: answers.flatMap(({ routes }) => routes),
    dns: withoutEmpty({ nameservers: list("nameservers"), domain, search: list("search") }),
  };
}

/**
 * The routes of a lease: those of option 121 alone if it is there (RFC 3442), otherwise those of option 33 and a default route through
 * the first router. Each has the MTU of option 26, because a result has no other place for it.
 */
export function routesOf({ options }: Lease, priority: number | undefined): readonly Route[] {
  const mtu = findMtu(options);
  const rest = { ...(mtu !== undefined && { mtu }), ...(priority !== undefined && { priority }) };
  const classless = findClasslessRoutes(options);
  if (classless !== undefined) return classless.map((route) => ({ ...toRoute(route), ...rest }));
  const [router] = findAddresses(options, OPTION.ROUTERS);
  const routes = findStaticRoutes(options).map(toRoute);
  const all = router === undefined ? routes : [...routes, { dst: { address: UNSPECIFIED, length: 0 }, gw: router }];
  return all.map((route) => ({ ...route, ...rest }));
}

function toRoute({ destination, gateway }: GivenRoute): Route {
  return gateway === undefined
    ? { dst: destination, gw: UNSPECIFIED, scope: LINK_SCOPE }
    : { dst: destination, gw: gateway };
}

function dnsOf({ options }: Lease): Dns {
  return withoutEmpty({
    nameservers: findAddresses(options, OPTION.NAME_SERVERS).filter(isSet).map(formatAddress),
    domain: findText(options, OPTION.DOMAIN),
    search: findSearchDomains(options),
  });
}

/** DNS settings without those that nobody has given. */
function withoutEmpty({
  nameservers,
  domain,
  search,
}: {
  nameservers: readonly string[];
  domain?: string | undefined;
  search: readonly string[];
}): Dns {
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
  };
}

function isSet({ value }: Address): boolean {
  return value !== 0n;
}
