import type { Address } from "../../ip/address.ts";
import { formatAddress } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { formatPrefix, networkAddress } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RT_SCOPE, RT_TABLE, RTN, RTNH_F, RTPROT } from "./header.ts";
import type { RouteMessage } from "./message.ts";
import { encodeRoute } from "./message.ts";

/** A route through a link. */
export interface NewRoute {
  /** 0.0.0.0/0 or ::/0 for a default route. Host bits are ignored. */
  readonly destination: Prefix;
  /** Undefined if the destination is on the link itself. */
  readonly gateway?: Address | undefined;
  /** The lowest wins. The kernel's default is 0 for IPv4 and 1024 for IPv6. */
  readonly priority?: number | undefined;
  /** RT_TABLE. Default: main. */
  readonly table?: number | undefined;
  /** RTPROT, who made it. Default: boot, as `ip` has it. */
  readonly protocol?: number | undefined;
  /** RT_SCOPE. Default: universe. */
  readonly scope?: number | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly preferredSource?: Address | undefined;
  /** Treats the gateway as on the link, even if no address of the link covers it. */
  readonly onlink?: boolean | undefined;
}

/**
 * Adds a route through a link, like `ip route add PREFIX via GATEWAY dev NAME`. If another route to the destination has another
 * gateway, an IPv4 route is placed before it, and an IPv6 route becomes a second next hop. @throws NetlinkError EEXIST if the route
 * exists, ENETUNREACH if the gateway is not on the link, ENETDOWN if the link is down
 */
export function addRoute(netlink: Rtnetlink, link: LinkId, route: NewRoute): void {
  const payload = encodeRoute(describeRoute(link, route));
  netlink.request({
    type: RTM.NEWROUTE,
    flags: NLM_F.CREATE | NLM_F.ACK,
    payload,
    action: `add ${nameRoute(link, route)}`,
  });
}

/** The message that adds or deletes a route. */
export function describeRoute(link: LinkId, route: NewRoute): RouteMessage {
  const { destination, gateway, priority, table = RT_TABLE.MAIN, mtu, advmss, preferredSource } = route;
  const hasMetrics = mtu !== undefined || advmss !== undefined;
  return {
    header: {
      family: encodeFamily(destination.address.family),
      destinationLength: destination.length,
      table: table > 0xff ? RT_TABLE.COMPAT : table,
      protocol: route.protocol ?? RTPROT.BOOT,
      scope: route.scope ?? RT_SCOPE.UNIVERSE,
      type: RTN.UNICAST,
      flags: route.onlink ? RTNH_F.ONLINK : 0,
    },
    attributes: {
      destination: destination.length === 0 ? undefined : networkAddress(destination),
      gateway,
      index: link.index,
      priority,
      preferredSource,
      metrics: hasMetrics ? { mtu, advmss } : undefined,
      table: table > 0xff ? table : undefined,
    },
  };
}

/** A route in words, for errors. */
export function nameRoute(link: LinkId, route: NewRoute): string {
  const via = route.gateway === undefined ? "" : ` via ${formatAddress(route.gateway)}`;
  const table = route.table === undefined ? "" : ` in table ${route.table}`;
  return `route ${formatPrefix(route.destination)}${via} through link "${link.name}"${table}`;
}
