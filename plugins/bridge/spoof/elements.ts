import { encodeAddress, type Family } from "../../../src/ip/address.ts";
import { linkLocalAddress } from "../../../src/ip/link-local.ts";
import { encodeMac, type Mac } from "../../../src/ip/mac.ts";
import type { Prefix } from "../../../src/ip/prefix.ts";
import { NFT } from "../../../src/netfilter/nftables/data.ts";
import type { SetSpec } from "../../../src/netfilter/nftables/set.ts";
import { type OwnedElement, ownedElement } from "../../../src/netfilter/owned-elements.ts";
import type { Attachment } from "../../../src/netfilter/owner.ts";
import { OWN_TABLES } from "../../../src/netfilter/tables.ts";
import { u32 } from "../../../src/netlink/codec.ts";

export const TABLE = OWN_TABLES.spoofCheck;

/**
 * The checked ports, and how each is checked. The key is the port's link index. The kernel does not give an index to another link again,
 * as it may a name, so a stale element never applies to another port.
 */
export const PORTS = { ...TABLE, name: "ports", key: ["iface_index"], data: "verdict", id: 1 } as const;

/** The MACs that each port may send from. */
export const MACS = { ...TABLE, name: "macs", key: ["iface_index", "ether_addr"], id: 2 } as const;

/** The addresses that each port may send from. */
export const ADDRESSES = {
  4: { ...TABLE, name: "addresses4", key: ["iface_index", "ipv4_addr"], id: 3 },
  6: { ...TABLE, name: "addresses6", key: ["iface_index", "ipv6_addr"], id: 4 },
} as const satisfies Record<Family, SetSpec>;

export const SETS: readonly SetSpec[] = [PORTS, MACS, ADDRESSES[4], ADDRESSES[6]];

/**
 * What is checked of a port's frames: the MAC only, or everything they say of their sender. Also the name of the chain that they go to.
 */
export type SpoofCheck = "mac" | "strict";

/** The chain of a strict port while its IPAM plugin asks whether addresses are in use. */
export const ASKING = "asking";

/** A checked port, and the MAC of its container's end. */
export interface CheckedPort {
  readonly owner: Attachment;
  /** The link index of the port. */
  readonly port: number;
  readonly mac: Mac;
  readonly check: SpoofCheck;
  /** Whether the IPAM plugin may ask from the interface whether an address is in use, until the container has addresses. */
  readonly asks?: boolean;
}

/**
 * The elements of a port whose container has no addresses yet. With "strict", frames that need an address are dropped, except those from
 * the link-local address that the container's end gives itself.
 */
export function portElements(checked: CheckedPort): readonly OwnedElement[] {
  const { owner, port, mac, check } = checked;
  const key = u32.encode(port);
  const own = [encodeAddress(linkLocalAddress(mac))];
  return [
    portElement(checked),
    ownedElement(owner, MACS, { key: [key, encodeMac(mac)] }),
    ...(check === "strict" ? own.map((address) => ownedElement(owner, ADDRESSES[6], { key: [key, address] })) : []),
  ];
}

/** The element that says how a port is checked. */
export function portElement({ owner, port, check, asks }: Omit<CheckedPort, "mac">): OwnedElement {
  const verdict = { code: NFT.GOTO, chain: check === "strict" && asks === true ? ASKING : check };
  return ownedElement(owner, PORTS, { key: [u32.encode(port)], data: { verdict } });
}

/** The elements for the container's addresses, which "strict" checks. */
export function addressElements(
  { owner, port }: Pick<CheckedPort, "owner" | "port">,
  prefixes: readonly Prefix[],
): readonly OwnedElement[] {
  return prefixes.map(({ address }) =>
    ownedElement(owner, ADDRESSES[address.family], { key: [u32.encode(port), encodeAddress(address)] }),
  );
}
