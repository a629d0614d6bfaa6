import type { Family } from "../ip/address.ts";
import { AF } from "../linux/socket.ts";

/** The kernel's number for an IP version. */
export function encodeFamily(family: Family): number {
  return family === 4 ? AF.INET : AF.INET6;
}
