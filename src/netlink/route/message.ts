import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { AF } from "../../linux/socket.ts";
import { type PayloadOf, payload } from "../struct.ts";
import { ROUTE_FIELDS } from "./attributes.ts";
import { routeHeader } from "./header.ts";
import type { NextHop } from "./next-hop.ts";

/** A message about a route: the struct and its attributes. */
export type RouteMessage = PayloadOf<typeof routeHeader, typeof ROUTE_FIELDS>;

/** A route as the kernel describes it. */
export interface KernelRoute {
  /** 0.0.0.0/0 or ::/0 for a default route. */
  readonly destination: Prefix;
  readonly gateway: Address | undefined;
  /** The link's index. */
  readonly index: number | undefined;
  readonly priority: number;
  /** RT_TABLE. */
  readonly table: number;
  /** RT_SCOPE. */
  readonly scope: number;
  /** RTPROT. */
  readonly protocol: number;
  /** RTN. */
  readonly type: number;
  readonly preferredSource: Address | undefined;
  readonly mtu: number | undefined;
  readonly advmss: number | undefined;
  /** The next hops of a multipath route, which has neither `gateway` nor `index`. */
  readonly nextHops: readonly NextHop[];
}

/** Encodes and decodes a route. `decode` throws RangeError on malformed input. */
export const { encode: encodeRoute, decode: decodeRoute } = payload(routeHeader, ROUTE_FIELDS);

/** Reads the route in a message from the kernel. @throws RangeError on malformed input */
export function readRoute(bytes: Uint8Array): KernelRoute {
  const { header, attributes } = decodeRoute(bytes);
  const anywhere: Address = { family: header.family === AF.INET ? 4 : 6, value: 0n };
  return {
    destination: { address: attributes.destination ?? anywhere, length: header.destinationLength },
    gateway: attributes.gateway,
    index: attributes.index,
    priority: attributes.priority ?? 0,
    table: attributes.table ?? header.table,
    scope: header.scope,
    protocol: header.protocol,
    type: header.type,
    preferredSource: attributes.preferredSource,
    mtu: attributes.metrics?.mtu,
    advmss: attributes.metrics?.advmss,
    nextHops: attributes.nextHops ?? [],
  };
}

/** The index of the link that a route goes through, or of the first of several. Undefined for a route without a link, such as a blackhole. */
export function linkOf({ index, nextHops }: Pick<KernelRoute, "index" | "nextHops">): number | undefined {
  return index ?? nextHops[0]?.index;
}
