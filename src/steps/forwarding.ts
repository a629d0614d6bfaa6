import type { Family } from "../ip/address.ts";
import { writeSysctl } from "../linux/sysctl.ts";

/** The parameter that makes the host a router. */
export const FORWARDING = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;

/** Lets the host route packets of a family, like `sysctl -w net.ipv4.ip_forward=1`; written only where it is off. @throws LinuxError */
export function enableForwarding(family: Family): void {
  writeSysctl(FORWARDING[family], "1");
}
