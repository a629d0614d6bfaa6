import { type Address, isSameAddress } from "../ip/address.ts";
import { findComment } from "./nftables/userdata.ts";
import type { OwnedElement } from "./owned-elements.ts";
import { type Attachment, ownerKey, ownerKeyOf } from "./owner.ts";

/**
 * Attachments that these plugins may not have made, with all their addresses. Other plugins attached a container again, so what is for
 * another address is outdated.
 */
export interface CurrentAddresses {
  readonly owners: readonly Attachment[];
  /** By ownerKey. */
  readonly addresses: ReadonlyMap<string, readonly Address[]>;
}

/** The attachments of a network for which `addresses` are given. */
export function currentAddresses(
  network: string,
  valid: readonly (Omit<Attachment, "network"> & { readonly addresses?: readonly Address[] | undefined })[],
): CurrentAddresses {
  const known = valid.flatMap(({ containerId, ifname, addresses }) => {
    return addresses === undefined ? [] : [{ owner: { network, containerId, ifname }, addresses }];
  });
  return {
    owners: known.map(({ owner }) => owner),
    addresses: new Map(known.map(({ owner, addresses }) => [ownerKey(owner), addresses])),
  };
}

/** Whether the owner with this key has other addresses now. False if they are not known. */
export function isOutdated({ addresses }: CurrentAddresses, key: string, address: Address): boolean {
  const current = addresses.get(key);
  return current !== undefined && !current.some((each) => isSameAddress(each, address));
}

/** The elements with an outdated address, and those without an address whose owner has no current one among these elements. */
export function chooseOutdated(
  elements: readonly OwnedElement[],
  current: CurrentAddresses,
  addressOf: (element: OwnedElement) => Address | undefined,
): readonly OwnedElement[] {
  const states = elements.map((element) => {
    const key = keyOf(element);
    const address = addressOf(element);
    return { element, key, address, isOutdated: address !== undefined && isOutdated(current, key, address) };
  });
  const outdated = new Set(states.filter((each) => each.isOutdated).map(({ key }) => key));
  const kept = new Set(states.filter((each) => each.address !== undefined && !each.isOutdated).map(({ key }) => key));
  return states
    .filter(({ key, isOutdated: is }) => is || (outdated.has(key) && !kept.has(key)))
    .map(({ element }) => element);
}

/** The ownerKey of an element's owner. */
export function keyOf({ element }: OwnedElement): string {
  return ownerKeyOf(findComment("element", element.userdata) ?? "");
}
