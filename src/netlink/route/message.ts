import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { AF } from "../../linux/socket.ts";
import { type PayloadOf, payload } from "../struct.ts";
import { ROUTE_FIELDS } from "./attributes.ts";
import { routeHeader } from "./header.ts";
import type { NextHop } from "./next-hop.ts";

/** A message about a route: the structure and the attributes behind it. */
export type RouteMessage = PayloadOf<typeof routeHeader, typeof ROUTE_FIELDS>;

/** A route as the kernel described it. */
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
  /** Where it has several ways: those, and neither `gateway` nor `index`. */
  readonly nextHops: readonly NextHop[];
}

/** Mirror images. Malformed input makes `decode` throw RangeError. */
export const { encode: encodeRoute, decode: decodeRoute } = payload(routeHeader, ROUTE_FIELDS);

/** The route that a message of the kernel's is about. @throws RangeError on malformed input */
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
