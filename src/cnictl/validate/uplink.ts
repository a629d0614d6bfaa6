import { findLink } from "../../netlink/link/get.ts";
import { findDefaultRoute } from "../../netlink/route/default.ts";
import { openRtnetlink } from "../../netlink/socket.ts";
import { LinuxError } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import type { Uplink } from "./addresses.ts";

/** The link of the default route, of IPv4 or else of IPv6; the one with the smallest MTU of several. Undefined without such a route. */
export function findUplink(): Uplink | undefined {
  return ignoring([LinuxError], () => {
    const netlink = openRtnetlink();
    try {
      const links = ([4, 6] as const).map((family) => {
        const route = findDefaultRoute(netlink, family);
        const indexes = [route?.index, ...(route?.nextHops ?? []).map(({ index }) => index)];
        const found = indexes.map((index) => (index === undefined ? undefined : findLink(netlink, index)));
        return found.filter((link) => link !== undefined).filter(({ name }) => name !== "lo");
      });
      const own = links.find((each) => each.length > 0) ?? [];
      return own.toSorted((a, b) => a.mtu - b.mtu)[0];
    } finally {
      netlink.close();
    }
  });
}
