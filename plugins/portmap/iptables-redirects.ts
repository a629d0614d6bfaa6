import { parseAddress } from "../../src/ip/address.ts";
import { PROTOCOLS } from "./mapping.ts";
import type { Redirect } from "./redirect.ts";

/** Matches a mapping's DNAT rule, as `iptables -S` prints it. */
const REDIRECT =
  /^-A (CNI-DN-\S+) (?:-d (\S+?)(?:\/(?:32|128))? )?-p (\w+) (?:-m \w+ )?--dport (\d+) (?:-m comment --comment "if: ([^"]*)" )?-j DNAT --to-destination \[?([^\s\]]+)\]?:(\d+)$/;

/** The mappings in a listing, with their chains and the container's interface if the rules name it. */
export function parseRedirects(
  listing: string,
): readonly { readonly chain: string; readonly ifname: string | undefined; readonly redirect: Redirect }[] {
  return listing.split("\n").flatMap((line) => {
    const [, chain = "", hostIp = "", name, hostPort, ifname, address = "", toPort] = REDIRECT.exec(line) ?? [];
    const protocol = PROTOCOLS.find((each) => each === name);
    const to = parseAddress(address);
    if (protocol === undefined || to === undefined) return [];
    const redirect = { protocol, hostIp: parseAddress(hostIp), hostPort: Number(hostPort), to, toPort: Number(toPort) };
    return [{ chain, ifname, redirect }];
  });
}
