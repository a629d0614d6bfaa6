import type { Family } from "../ip/address.ts";
import type { Sysctls } from "../linux/sysctl.ts";
import { nameOf } from "../linux/sysctl-name.ts";
import type { Host } from "./host.ts";
import { attemptSysctl } from "./sysctl.ts";

/** The folder of each link's IPv6 parameters. */
const LINKS = "net/ipv6/conf";

/** The parameter that turns the host into a router. */
export const FORWARDING = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;

/** Values of accept_ra: as a host, and as a router too. Documentation/networking/ip-sysctl.rst */
const ACCEPT_RA = { host: "1", router: "2" } as const;

/**
 * Enables forwarding for a family, like `sysctl -w net.ipv4.ip_forward=1`; writes only if it is off. Links that accept router
 * advertisements continue to do so. @throws LinuxError
 */
export function enableForwarding({ sysctls }: Host, family: Family): void {
  if (sysctls.read(FORWARDING[family]) === "1") return;
  if (family === 6) keepRouterAdvertisements(sysctls);
  sysctls.write(FORWARDING[family], "1");
}

/** When a host becomes a router, the kernel removes its default routes from router advertisements unless accept_ra is 2. */
function keepRouterAdvertisements(sysctls: Sysctls): void {
  for (const name of sysctls.list(LINKS)) {
    // "all" has no effect, and "default" would also change the links of containers.
    if (["all", "default", "lo"].includes(name)) continue;
    const path = `${LINKS}/${name}/accept_ra`;
    if (sysctls.find(path) === ACCEPT_RA.host) attemptSysctl(() => sysctls.write(path, ACCEPT_RA.router));
  }
}

/** Forwarding that is off for a family, as a sentence. @throws LinuxError */
export function checkForwarding({ sysctls }: Host, family: Family): string[] {
  const value = sysctls.read(FORWARDING[family]);
  return value === "0"
    ? [`The host does not forward IPv${family}: ${nameOf(FORWARDING[family])} is 0, expected 1`]
    : [];
}

/**
 * Enables forwarding on a gateway, where it is off. Some hosts enable it for each link separately (conf/default/forwarding 0). Returns
 * whether it was off for a family.
 */
export function forwardFrom(host: Host, gateway: string, families: readonly Family[]): boolean {
  const off = families.map((family) => forwardingOf(gateway, family)).filter((path) => host.sysctls.find(path) === "0");
  for (const path of off) attemptSysctl(() => host.sysctls.write(path, "1"));
  return off.length > 0;
}

/** The parameter that lets packets from a link be forwarded. Of IPv6 only the parameter of the host counts. */
export function forwardingOf(link: string, family: Family): string {
  return `net/ipv${family}/conf/${link}/forwarding`;
}
