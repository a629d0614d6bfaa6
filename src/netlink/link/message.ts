import type { Mac } from "../../ip/mac.ts";
import type { Codec } from "../codec.ts";
import { decoderOf } from "../fields.ts";
import { type PayloadOf, payload } from "../struct.ts";
import type { BridgeSettings, PortSettings } from "./attributes.ts";
import { BRIDGE_FIELDS, LINK_FIELDS, PORT_FIELDS, VETH_INFO } from "./attributes.ts";
import { IFF, linkHeader } from "./header.ts";

/** A message about a link: the struct and its attributes. */
export type LinkMessage = PayloadOf<typeof linkHeader, typeof LINK_FIELDS>;

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** "" if the link has none. */
  readonly mac: Mac;
  readonly mtu: number;
  /** Whether it is set up. `operationalState` says whether it carries traffic. */
  readonly up: boolean;
  /** IF_OPER. */
  readonly operationalState: number;
  /** "bridge", "veth", …; "" for a link without a kind, like lo and most hardware. */
  readonly kind: string;
  /** The index of the bridge (or other master) whose port it is. */
  readonly master: number | undefined;
  /** The index of a veth's other end, in the namespace of that end. */
  readonly peer: number | undefined;
  readonly alias: string;
  /** The number of its group. Default: 0. */
  readonly group: number;
  /** The number of users that need every packet; more than 0 means promiscuous. */
  readonly promiscuity: number;
  /** Whether an administrator has set it to receive every packet, and every multicast packet. */
  readonly promiscuous: boolean;
  readonly allMulticast: boolean;
  readonly transmitQueueLength: number;
  /** Its settings if it is a bridge. */
  readonly bridge: BridgeSettings | undefined;
  /** Its settings if it is a bridge port. */
  readonly port: PortSettings | undefined;
}

/** Identifies a link. The kernel uses the index, error messages the name. */
export type LinkId = Pick<Link, "index" | "name">;

/** Encodes and decodes a link. `decode` throws RangeError on malformed input. */
export const { encode: encodeLink, decode: decodeLink } = payload(linkHeader, LINK_FIELDS);

const decodeBridge = decoderOf(BRIDGE_FIELDS);
const decodePort = decoderOf(PORT_FIELDS);

const peer: Codec<LinkMessage> = { encode: encodeLink, decode: decodeLink };

/** A veth's settings: the other end, described as a link. */
export const VETH_FIELDS = { peer: [VETH_INFO.PEER, peer] } as const;

/** Reads the link in a message from the kernel. @throws RangeError on malformed input */
export function readLink(bytes: Uint8Array): Link {
  const { header, attributes } = decodeLink(bytes);
  const { info } = attributes;
  return {
    index: header.index,
    name: attributes.name ?? "",
    mac: attributes.mac ?? "",
    mtu: attributes.mtu ?? 0,
    up: (header.flags & IFF.UP) !== 0,
    operationalState: attributes.operationalState ?? 0,
    kind: info?.kind ?? "",
    master: attributes.master,
    peer: info?.kind === "veth" ? relatedIndex({ header, attributes }) : undefined,
    alias: attributes.alias ?? "",
    group: attributes.group ?? 0,
    promiscuity: attributes.promiscuity ?? 0,
    promiscuous: (header.flags & IFF.PROMISC) !== 0,
    allMulticast: (header.flags & IFF.ALLMULTI) !== 0,
    transmitQueueLength: attributes.transmitQueueLength ?? 0,
    bridge: info?.kind === "bridge" && info.data ? decodeBridge(info.data) : undefined,
    port: info?.portKind === "bridge" && info.portData ? decodePort(info.portData) : undefined,
  };
}

/**
 * The index of the other end of a veth, or of the parent of a link on another one. Before Linux 5.1 the kernel leaves it out if the link
 * has the same index in its own namespace; for an ipvlan Linux 5.4 does so, too.
 */
export function relatedIndex({ header, attributes }: LinkMessage): number | undefined {
  const { link, linkNetnsId, info } = attributes;
  // Such a kernel does not report the namespace of an ipvlan's parent either.
  const isLeftOut = link === undefined && (linkNetnsId !== undefined || info?.kind === "ipvlan");
  return isLeftOut ? header.index : link;
}
