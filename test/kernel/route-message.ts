import { encodeFamily } from "../../src/netlink/family.ts";
import { RT_TABLE, RTNH_F } from "../../src/netlink/route/header.ts";
import { encodeRoute } from "../../src/netlink/route/message.ts";
import type { FakeRoute } from "./namespace.ts";

/** A route in the words of the kernel's answer to RTM_GETROUTE. */
export function describeRoute(route: FakeRoute): Uint8Array {
  const { destination, table, priority, scope, protocol, type, preferredSource, mtu, advmss, isOnLink, ways } = route;
  const { family } = destination.address;
  const [way, ...more] = ways;
  const hasMetrics = mtu !== undefined || advmss !== undefined;
  const single = { index: way?.index, gateway: way?.gateway };
  const several = {
    nextHops: ways.map(({ index, gateway }) => ({ flags: 0, hops: 0, index, attributes: { gateway } })),
  };
  return encodeRoute({
    header: {
      family: encodeFamily(family),
      destinationLength: destination.length,
      table: table > 0xff ? RT_TABLE.COMPAT : table,
      protocol,
      scope,
      type,
      flags: isOnLink ? RTNH_F.ONLINK : 0,
    },
    attributes: {
      table,
      destination: destination.length === 0 ? undefined : destination.address,
      // Of IPv4 there is none where it is 0.
      priority: family === 4 && priority === 0 ? undefined : priority,
      preferredSource,
      metrics: hasMetrics ? { mtu, advmss } : undefined,
      ...(more.length === 0 ? single : several),
    },
  });
}
