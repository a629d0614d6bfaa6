import type { Route } from "../../src/cni/result.ts";
import { isHostAddress, type Lease } from "../../src/dhcp/lease.ts";
import { UNSPECIFIED } from "../../src/dhcp/message.ts";
import { OPTION, type Options } from "../../src/dhcp/options.ts";
import {
  findAddresses,
  findClasslessRoutes,
  findMtu,
  findStaticRoutes,
  type GivenRoute,
} from "../../src/dhcp/values.ts";
import { type Address, isSameAddress } from "../../src/ip/address.ts";
import { type Prefix, prefixContains, single } from "../../src/ip/prefix.ts";
import { RT_SCOPE } from "../../src/netlink/route/header.ts";

/** A lease with what its routes depend on. */
export interface Routed {
  readonly lease: Pick<Lease, "options">;
  /** The address, with the length of its network part. */
  readonly prefix: Prefix;
  /** The metric of the routes. */
  readonly priority: number | undefined;
}

/** The first router of option 3 that is a host's address. */
export function findRouter(options: Options): Address | undefined {
  return findAddresses(options, OPTION.ROUTERS).find(isHostAddress);
}

/**
 * The routes of a lease: those of option 121 alone if it is there (RFC 3442), otherwise those of option 33 and a default route through
 * the first router. If a gateway is outside of the address's network, those on the link come first, with one to each gateway that is in
 * none of them: the kernel refuses a gateway that it cannot reach. Each has the MTU of option 26, because a result has no other place for it.
 */
export function routesOf({ lease: { options }, prefix, priority }: Routed): readonly Route[] {
  const mtu = findMtu(options);
  const rest = { ...(mtu !== undefined && { mtu }), ...(priority !== undefined && { priority }) };
  const given = (findClasslessRoutes(options) ?? routesWithClasses(options)).filter(isUsable);
  const onLink = given.filter(({ gateway }) => gateway === undefined);
  const others = given.filter(({ gateway }) => gateway !== undefined);
  const near = [prefix, ...onLink.map(({ destination }) => destination)];
  const isNear = others.every(({ gateway }) => gateway === undefined || prefixContains(prefix, gateway));
  const all = isNear ? given : [...onLink, ...farGateways(others, near), ...others];
  return all.map((route) => ({ ...toRoute(route), ...rest }));
}

function routesWithClasses(options: Options): readonly GivenRoute[] {
  const gateway = findRouter(options);
  const routes = findStaticRoutes(options);
  return gateway === undefined ? routes : [...routes, { destination: { address: UNSPECIFIED, length: 0 }, gateway }];
}

/** A gateway is a host's address. */
function isUsable({ gateway }: GivenRoute): boolean {
  return gateway === undefined || isHostAddress(gateway);
}

/** Routes to the gateways that are in none of the networks on the link. */
function farGateways(routes: readonly GivenRoute[], near: readonly Prefix[]): readonly GivenRoute[] {
  const gateways = routes.flatMap(({ gateway }) => gateway ?? []);
  const far = gateways.filter((gateway) => !near.some((each) => prefixContains(each, gateway)));
  const once = far.filter((gateway, index) => far.findIndex((each) => isSameAddress(each, gateway)) === index);
  return once.map((gateway) => ({ destination: single(gateway), gateway: undefined }));
}

function toRoute({ destination, gateway }: GivenRoute): Route {
  return gateway === undefined
    ? { dst: destination, gw: UNSPECIFIED, scope: RT_SCOPE.LINK }
    : { dst: destination, gw: gateway };
}
