import { isLoopback } from "../../src/ip/address.ts";
import { nameOf } from "../../src/linux/sysctl-name.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { handling } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Plan } from "./plan.ts";

/**
 * The host's link to the container, if packets from 127.0.0.1 must leave through it and their answers return. Only IPv4 has a sysctl for
 * that. Undefined if no mapping covers a loopback address, nothing is masqueraded, or no route leads to the container.
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

/**
 * Enables loopback addresses on the link, like `sysctl -w net.ipv4.conf.LINK.route_localnet=1`. The rules that keep other hosts away must
 * exist.
 * @throws LinuxError
 */
export function enableLocalnet({ sysctls }: Host, link: string): void {
  sysctls.write(pathFor(link), "1");
}

/** The difference of the sysctl, as a sentence. */
export function checkLocalnet({ sysctls }: Host, link: string): readonly string[] {
  const compare = () => {
    const value = sysctls.read(pathFor(link));
    return value === "1" ? [] : [`Sysctl ${nameOf(pathFor(link))} is ${value}, expected 1`];
  };
  return handling([LinuxError], compare, ({ message }) => [message]);
}

function pathFor(link: string): string {
  return `net/ipv4/conf/${link}/route_localnet`;
}
