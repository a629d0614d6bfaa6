import type { Mac } from "../../ip/mac.ts";
import type { Codec } from "../codec.ts";
import { decodeFields } from "../fields.ts";
import { type PayloadOf, payload } from "../struct.ts";
import type { BridgeSettings, PortSettings } from "./attributes.ts";
import { BRIDGE_FIELDS, LINK_FIELDS, PORT_FIELDS, VETH_INFO } from "./attributes.ts";
import { IFF, linkHeader } from "./header.ts";

/** A message about a link: the structure and the attributes behind it. */
export type LinkMessage = PayloadOf<typeof linkHeader, typeof LINK_FIELDS>;

/** A link as the kernel described it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** "" for a link without one. */
  readonly mac: Mac;
  readonly mtu: number;
  /** Whether it is set up, which is not yet to say that it carries traffic: see `operationalState`. */
  readonly up: boolean;
  /** IF_OPER. */
  readonly operationalState: number;
  /** "bridge", "veth", …; "" for one without a kind, like lo and most hardware. */
  readonly kind: string;
  /** The index of the bridge (or other master) that it is a port of. */
  readonly master: number | undefined;
  /** The index of a veth's other end, in that end's namespace. */
  readonly peer: number | undefined;
  readonly alias: string;
  /** The number of the group that it is in, 0 unless somebody has put it into another. */
  readonly group: number;
  /** How many want every packet: more than 0 is promiscuous. */
  readonly promiscuity: number;
  /** Whether somebody has set it so that it takes every packet, and every multicast packet. */
  readonly promiscuous: boolean;
  readonly allMulticast: boolean;
  readonly transmitQueueLength: number;
  /** Its settings as a bridge. */
  readonly bridge: BridgeSettings | undefined;
  /** Its settings as a port of a bridge. */
  readonly port: PortSettings | undefined;
}

/** Enough of a link to ask something of it: the kernel goes by the index, errors by the name. */
export type LinkId = Pick<Link, "index" | "name">;

/** Mirror images. Malformed input makes `decode` throw RangeError. */
export const { encode: encodeLink, decode: decodeLink } = payload(linkHeader, LINK_FIELDS);

const peer: Codec<LinkMessage> = { encode: encodeLink, decode: decodeLink };

/** A veth's settings: the other end, described as a link of its own. */
export const VETH_FIELDS = { peer: [VETH_INFO.PEER, peer] } as const;

/** The link that a message of the kernel's is about. @throws RangeError on malformed input */
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
    peer: info?.kind === "veth" ? attributes.link : undefined,
    alias: attributes.alias ?? "",
    group: attributes.group ?? 0,
    promiscuity: attributes.promiscuity ?? 0,
    promiscuous: (header.flags & IFF.PROMISC) !== 0,
    allMulticast: (header.flags & IFF.ALLMULTI) !== 0,
    transmitQueueLength: attributes.transmitQueueLength ?? 0,
    bridge: info?.kind === "bridge" && info.data ? decodeFields(BRIDGE_FIELDS, info.data) : undefined,
    port: info?.portKind === "bridge" && info.portData ? decodeFields(PORT_FIELDS, info.portData) : undefined,
  };
}
