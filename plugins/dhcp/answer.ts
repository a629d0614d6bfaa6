import { CniError } from "../../src/cni/error.ts";
import type { Dns, Result } from "../../src/cni/result.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import { OPTION } from "../../src/dhcp/options.ts";
import type { Lease6 } from "../../src/dhcp/v6/lease.ts";
import { findNameServers, findSearchDomains as findSearchDomains6 } from "../../src/dhcp/v6/values.ts";
import { findAddresses, findDomain, findPrefixLength, findSearchDomains } from "../../src/dhcp/values.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { type Prefix, single } from "../../src/ip/prefix.ts";
import { findRouter, routesOf } from "./lease-routes.ts";

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
  const gateway = findRouter(lease.options);
  const ip = { address: prefix, ...(gateway !== undefined && { gateway }) };
  return { interfaces: [], ips: [ip], routes: routesOf({ lease, prefix, priority }), dns: dnsOf(lease) };
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

function dnsOf({ options }: Lease): Dns {
  return withoutEmpty({
    nameservers: findAddresses(options, OPTION.NAME_SERVERS).filter(isSet).map(formatAddress),
    domain: findDomain(options),
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
