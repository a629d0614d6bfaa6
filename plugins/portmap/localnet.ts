import { isLoopback } from "../../src/ip/address.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Plan } from "./plan.ts";

/**
 * The host's link to the container, where packets from 127.0.0.1 are to leave through it and their answers to come back: IPv4 alone has a
 * parameter for that. Undefined where no mapping is for such an address, nothing is masqueraded, or no route leads to the container.
 */
export function findLocalnet(
  { netlink }: Host,
  { families, masquerading }: Omit<Plan, "localnet">,
): string | undefined {
  const redirects = families.filter(({ family }) => family === 4).flatMap((family) => family.redirects);
  const wanted = redirects.find(({ hostIp }) => hostIp === undefined || isLoopback(hostIp));
  if (masquerading === undefined || wanted === undefined) return undefined;
  const index = findRoute(netlink, wanted.to)?.index;
  return index === undefined ? undefined : findLink(netlink, index)?.name;
}

/** Lets them, like `sysctl -w net.ipv4.conf.LINK.route_localnet=1`. The rules that keep others from it have to be there. @throws LinuxError */
export function enableLocalnet({ sysctls }: Host, link: string): void {
  sysctls.write(pathFor(link), "1");
}

/** What differs, as a sentence. */
export function checkLocalnet({ sysctls }: Host, link: string): readonly string[] {
  try {
    const value = sysctls.read(pathFor(link));
    return value === "1" ? [] : [`Sysctl net.ipv4.conf.${link}.route_localnet is ${value}, expected 1`];
  } catch (error) {
    if (error instanceof LinuxError) return [error.message];
    throw error;
  }
}

function pathFor(link: string): string {
  return `net/ipv4/conf/${link}/route_localnet`;
}
