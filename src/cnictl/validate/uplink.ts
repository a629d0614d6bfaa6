import { listUplinks } from "../../netlink/route/uplinks.ts";
import { openRtnetlink } from "../../netlink/socket.ts";
import { LinuxError } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import type { Uplink } from "./addresses.ts";

/** The link of the default route, of IPv4 or else of IPv6; the one with the smallest MTU of several. Undefined without such a route. */
export function findUplink(): Uplink | undefined {
  return ignoring([LinuxError], () => {
    const netlink = openRtnetlink();
    try {
      const links = ([4, 6] as const).map((family) => listUplinks(netlink, family));
      const own = links.find((each) => each.length > 0) ?? [];
      return own.toSorted((a, b) => a.mtu - b.mtu)[0];
    } finally {
      netlink.close();
    }
  });
}
