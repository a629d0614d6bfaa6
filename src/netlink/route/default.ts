import type { Address, Family } from "../../ip/address.ts";
import { ERRNO } from "../../platform/errno.ts";
import { handling } from "../../platform/outcome.ts";
import { NetlinkError } from "../acknowledgement.ts";
import type { Rtnetlink } from "../socket.ts";
import { getRoute, listRoutes } from "./list.ts";
import type { KernelRoute } from "./message.ts";

/** Addresses to which hosts rarely have a specific route: 192.0.2.1 of TEST-NET-1 (RFC 5737) and the unspecified IPv6 address. */
export const ELSEWHERE: Readonly<Record<Family, Address>> = {
  4: { family: 4, value: 0xc0_00_02_01n },
  6: { family: 6, value: 0n },
};

/**
 * The default route of a family, like `ip route show default`, even if rules use another table than main. It is one small request. The
 * routes of a table, of which there may be many, are read only if the answer is another route.
 */
export function findDefaultRoute(netlink: Rtnetlink, family: Family): KernelRoute | undefined {
  const found = lookUp(netlink, ELSEWHERE[family]);
  if (found === "none") return undefined;
  if (found !== "another") return found;
  const destinations = [{ address: { family, value: 0n }, length: 0 }];
  return listRoutes(netlink, { family, destinations })
    .filter(isDefault)
    .sort((a, b) => a.priority - b.priority)[0];
}

function lookUp(netlink: Rtnetlink, address: Address): KernelRoute | "none" | "another" {
  const look = () => {
    const route = getRoute(netlink, address, { whole: true });
    return isDefault(route) ? route : "another";
  };
  // Other errors come from a route of type blackhole, prohibit or unreachable.
  return handling([NetlinkError], look, ({ errno }) => (errno === ERRNO.ENETUNREACH ? "none" : "another"));
}

function isDefault({ destination }: KernelRoute): boolean {
  return destination.length === 0;
}
