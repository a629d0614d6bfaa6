import type { Address } from "../../ip/address.ts";
import { listNamespaces } from "../../linux/netns-list.ts";
import { findHolders } from "../../netlink/address/list.ts";
import { findLink } from "../../netlink/link/get.ts";
import { openRtnetlink } from "../../netlink/socket.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";

/** Where an address was found. */
export interface AddressPlace {
  /** A path of the network namespace. */
  readonly netns: string;
  readonly link: string;
}

/** The links of all network namespaces that have an address. */
export interface AddressSearch {
  readonly places: readonly AddressPlace[];
  /** Whether every namespace could be examined. */
  readonly isComplete: boolean;
}

/** Looks for an address in every network namespace of this machine. */
export function searchAddress(address: Address): AddressSearch {
  const { paths, isComplete } = listNamespaces();
  const places: AddressPlace[] = [];
  let isWhole = isComplete;
  for (const netns of paths.values()) {
    try {
      places.push(...searchIn(netns, address));
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      // A namespace whose process has ended since is gone, or is found by another path the next time.
      if (![ERRNO.ENOENT, ERRNO.ESRCH].some((errno) => errno === error.errno)) isWhole = false;
    }
  }
  return { places, isComplete: isWhole };
}

function searchIn(netns: string, address: Address): readonly AddressPlace[] {
  const netlink = openRtnetlink({ netns });
  try {
    return findHolders(netlink, address).map(({ index }) => ({ netns, link: findLink(netlink, index)?.name ?? "" }));
  } finally {
    netlink.close();
  }
}
