import { decodeAddress, encodeAddress, type Family } from "../../src/ip/address.ts";
import { NFT } from "../../src/netfilter/nftables/data.ts";
import { concatenate, type Datatype, split } from "../../src/netfilter/nftables/datatype.ts";
import type { Element } from "../../src/netfilter/nftables/element.ts";
import { IPPROTO } from "../../src/netfilter/nftables/match.ts";
import type { SetSpec } from "../../src/netfilter/nftables/set.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import { type OwnedElement, ownedElement } from "../../src/netfilter/owned-elements.ts";
import { type Attachment, ownerKey } from "../../src/netfilter/owner.ts";
import { u8, u16be, u32 } from "../../src/netlink/codec.ts";
import { PROTOCOLS } from "./mapping.ts";
import type { Redirect } from "./redirect.ts";
import { TABLE } from "./tables.ts";

const NUMBERS = { tcp: IPPROTO.TCP, udp: IPPROTO.UDP, sctp: IPPROTO.SCTP } as const;

/** The parts of a key: protocol and port, preceded by an address if the mapping has one. */
const PORT = ["inet_proto", "inet_service"] as const satisfies readonly Datatype[];
const ADDRESS_TYPE = { 4: "ipv4_addr", 6: "ipv6_addr" } as const satisfies Record<Family, Datatype>;

/** The maps for one kind of key: `targets` holds where a port's packets go, `ways` the chain that they pass. */
export interface PortMaps {
  readonly family: Family;
  /** Whether keys start with a host address. */
  readonly hasAddress: boolean;
  readonly ways: SetSpec;
  readonly targets: SetSpec;
}

/** The attachments with mappings. One key each, so that one request answers whether an attachment has any. */
export const ATTACHMENTS = {
  ...TABLE,
  name: "attachments",
  key: ["mark", "mark", "mark", "mark"],
  id: 1,
} as const satisfies SetSpec;

/** In the order of lookup: a mapping of one address has priority over a mapping of all. */
export const MAPS: readonly PortMaps[] = ([4, 6] as const).flatMap((family) => [
  portMaps(family, { hasAddress: true, id: 10 * family }),
  portMaps(family, { hasAddress: false, id: 10 * family + 2 }),
]);

/** The maps for a mapping. */
export function mapsOf({ to, hostIp }: Pick<Redirect, "to" | "hostIp">): PortMaps {
  const found = MAPS.find(({ family, hasAddress }) => family === to.family && hasAddress === (hostIp !== undefined));
  if (found === undefined) throw new RangeError(`No maps for family ${to.family}`);
  return found;
}

/** The elements of a mapping: the chain that its packets pass, and their target. */
export function encodeRedirect(redirect: Redirect, { chain, owner }: { chain: string; owner: Attachment }) {
  const { hostIp, hostPort, protocol, to, toPort } = redirect;
  const { ways, targets } = mapsOf(redirect);
  const port = [u8.encode(NUMBERS[protocol]), u16be.encode(hostPort)];
  const key = hostIp === undefined ? port : [encodeAddress(hostIp), ...port];
  const data = { value: concatenate([encodeAddress(to), u16be.encode(toPort)]) };
  return {
    way: ownedElement(owner, ways, { key, data: { verdict: { code: NFT.GOTO, chain } } }),
    target: ownedElement(owner, targets, { key, data }),
  };
}

/** The mapping of an element of `targets`, and its owner. @throws RangeError if its key or data has another form */
export function decodeRedirect(
  { family, hasAddress }: PortMaps,
  { key, data, userdata }: Element,
): Redirect & { readonly comment: string } {
  const address = ADDRESS_TYPE[family];
  const keyParts = split(key?.value ?? new Uint8Array(), hasAddress ? [address, ...PORT] : PORT);
  const [protocol = new Uint8Array(), port = new Uint8Array()] = keyParts.slice(-PORT.length);
  const [to = new Uint8Array(), toPort = new Uint8Array()] = split(data?.value ?? new Uint8Array(), [
    address,
    "inet_service",
  ]);
  const number = u8.decode(protocol);
  const name = PROTOCOLS.find((each) => NUMBERS[each] === number);
  if (name === undefined) throw new RangeError(`Cannot decode a mapping of protocol ${number}`);
  return {
    protocol: name,
    hostIp: hasAddress ? decodeAddress(keyParts[0] ?? new Uint8Array()) : undefined,
    hostPort: u16be.decode(port),
    to: decodeAddress(to),
    toPort: u16be.decode(toPort),
    comment: findComment("element", userdata) ?? "",
  };
}

/** The element that marks an attachment as having mappings. */
export function encodeAttachment(owner: Attachment): OwnedElement {
  const digits = ownerKey(owner).replace("-", "").match(/.{8}/g) ?? [];
  return ownedElement(owner, ATTACHMENTS, { key: digits.map((each) => u32.encode(Number.parseInt(each, 16))) });
}

function portMaps(family: Family, { hasAddress, id }: { hasAddress: boolean; id: number }): PortMaps {
  const address = ADDRESS_TYPE[family];
  const key = hasAddress ? [address, ...PORT] : PORT;
  const prefix = hasAddress ? "hostip_" : "";
  return {
    family,
    hasAddress,
    ways: { ...TABLE, name: `${prefix}ways${family}`, key, data: "verdict", id },
    targets: { ...TABLE, name: `${prefix}targets${family}`, key, data: [address, "inet_service"], id: id + 1 },
  };
}
