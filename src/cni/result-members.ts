import { formatAddress } from "../ip/address.ts";
import { formatPrefix } from "../ip/prefix.ts";
import type { Dns, Interface, Route } from "./result.ts";

/** Go's omitempty: leaves out an empty string, an empty list and 0. */
export function unlessEmpty<T extends string | number | readonly unknown[]>(value: T | undefined): T | undefined {
  if (value === undefined || value === 0) return undefined;
  return typeof value !== "number" && value.length === 0 ? undefined : value;
}

/** An interface of a result. An empty string counts as absent; without `sandbox` the interface is the host's. */
export function readInterface({
  name,
  mac,
  sandbox,
  ...rest
}: Omit<Interface, "name"> & { name?: string | undefined }): Interface {
  return { ...rest, name: name ?? "", mac: unlessEmpty(mac), sandbox: unlessEmpty(sandbox) };
}

/** A route's members in the order of the reference's struct. */
export function formatRoute(route: Route): Readonly<Record<string, unknown>> {
  return {
    dst: formatPrefix(route.dst),
    gw: route.gw && formatAddress(route.gw),
    mtu: unlessEmpty(route.mtu),
    advmss: unlessEmpty(route.advmss),
    priority: unlessEmpty(route.priority),
    table: route.table,
    scope: route.scope,
  };
}

/** The resolver settings' members in the order of the reference's struct. */
export function formatDns(dns: Dns): Readonly<Record<string, unknown>> {
  return {
    nameservers: unlessEmpty(dns.nameservers),
    domain: unlessEmpty(dns.domain),
    search: unlessEmpty(dns.search),
    options: unlessEmpty(dns.options),
  };
}
