import type { Family } from "../ip/address.ts";
import type { Sysctls } from "../linux/sysctl.ts";
import type { Host } from "./host.ts";
import { attemptSysctl } from "./sysctl.ts";

/** Where each link's parameters of IPv6 are. */
const LINKS = "net/ipv6/conf";

/** The parameter that makes the host a router. */
const FORWARDING = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;

/** Values of accept_ra: as a host, and as a router too. Documentation/networking/ip-sysctl.rst */
const ACCEPT_RA = { host: "1", router: "2" } as const;

/**
 * Lets the host route packets of a family, like `sysctl -w net.ipv4.ip_forward=1`; written only where it is off. Links that take
 * addresses and default routes from router advertisements go on to do so. @throws LinuxError
 */
export function enableForwarding({ sysctls }: Host, family: Family): void {
  if (sysctls.read(FORWARDING[family]) === "1") return;
  if (family === 6) keepRouterAdvertisements(sysctls);
  sysctls.write(FORWARDING[family], "1");
}

/** The kernel takes away the default routes that a host has by them the moment it becomes a router, unless this says otherwise. */
function keepRouterAdvertisements(sysctls: Sysctls): void {
  for (const name of sysctls.list(LINKS)) {
    // "all" means nothing, and "default" would be for the links of containers as well.
    if (["all", "default", "lo"].includes(name)) continue;
    const path = `${LINKS}/${name}/accept_ra`;
    if (sysctls.find(path) === ACCEPT_RA.host) attemptSysctl(() => sysctls.write(path, ACCEPT_RA.router));
  }
}

/** What differs about it from how enableForwarding() leaves it, as a sentence. @throws LinuxError */
export function checkForwarding({ sysctls }: Host, family: Family): string[] {
  const value = sysctls.read(FORWARDING[family]);
  return value === "0" ? [`The host does not forward IPv${family}: ${FORWARDING[family]} is 0, expected 1`] : [];
}
