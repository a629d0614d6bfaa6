import type { Family } from "../ip/address.ts";
import { readSysctl, writeSysctl } from "../linux/sysctl.ts";

/** The parameter that makes the host a router. */
export const FORWARDING = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;

/** Lets the host route packets of a family, like `sysctl -w net.ipv4.ip_forward=1`; written only where it is off. @throws LinuxError */
export function enableForwarding(family: Family): void {
  writeSysctl(FORWARDING[family], "1");
}

/** What differs about it from how enableForwarding() leaves it, as a sentence. @throws LinuxError */
export function checkForwarding(family: Family): string[] {
  const value = readSysctl(FORWARDING[family]);
  return value === "0" ? [`The host does not forward IPv${family}: ${FORWARDING[family]} is 0, expected 1`] : [];
}
