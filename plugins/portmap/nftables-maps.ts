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

/** The parts of a key: which port of which protocol, and of which address, where a mapping is for one. */
const PORT = ["inet_proto", "inet_service"] as const satisfies readonly Datatype[];
const ADDRESS_TYPE = { 4: "ipv4_addr", 6: "ipv6_addr" } as const satisfies Record<Family, Datatype>;

/** The maps of one kind of key: `targets` says where a port's packets go, `ways` which chain they take there. */
export interface PortMaps {
  readonly family: Family;
  /** Whether keys begin with an address of the host. */
  readonly hasAddress: boolean;
  readonly ways: SetSpec;
  readonly targets: SetSpec;
}

/** The attachments that have ports mapped: a key for each, so that one question tells. */
export const ATTACHMENTS = {
  ...TABLE,
  name: "attachments",
  key: ["mark", "mark", "mark", "mark"],
  id: 1,
} as const satisfies SetSpec;

/** In the order in which a packet is looked up: a mapping of one address goes before one of all. */
export const MAPS: readonly PortMaps[] = ([4, 6] as const).flatMap((family) => [
  portMaps(family, { hasAddress: true, id: 10 * family }),
  portMaps(family, { hasAddress: false, id: 10 * family + 2 }),
]);

/** The maps that a mapping belongs to. */
export function mapsOf({ to, hostIp }: Pick<Redirect, "to" | "hostIp">): PortMaps {
  const found = MAPS.find(({ family, hasAddress }) => family === to.family && hasAddress === (hostIp !== undefined));
  if (found === undefined) throw new RangeError(`No maps for family ${to.family}`);
  return found;
}

/** The elements of a mapping: by which chain its packets go, and where to. */
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

/** The mapping that an element of `targets` is, and whose it says it is. @throws RangeError when its key or data is of another form */
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

/** The element that says that an attachment has ports mapped. */
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
