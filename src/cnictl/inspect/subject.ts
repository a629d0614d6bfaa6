import { CniError } from "../../cni/error.ts";
import { formatAddress, parseAddress } from "../../ip/address.ts";
import { CACHE_DIRECTORY } from "../../runtime/cache.ts";
import type { Edge } from "../edge.ts";
import { addressesOf } from "../inventory/attachment-view.ts";
import type { KnownAttachment } from "../inventory/attachments.ts";
import { bareAddress } from "../inventory/bare-address.ts";
import { findNetns, netnsMatcher, ofBeginning } from "../namespace.ts";

/** What an operand of `cnictl inspect` means. */
export interface Subject {
  /** The path of the network namespace; "" if it is unknown. */
  readonly netns: string;
  readonly attachments: readonly KnownAttachment[];
}

/**
 * The attachments of a container by its ID, the beginning of it, one of its addresses, its MAC or the host's end of its interface, or
 * else those of a network namespace. @throws CniError unknownContainer if there are none and it is no namespace
 */
export function findSubject(
  edge: Edge,
  word: string,
  { all, cacheDirectory = CACHE_DIRECTORY }: { all: readonly KnownAttachment[]; cacheDirectory: string | undefined },
): Subject {
  const own = [ofContainer(all, word), ofMark(all, word)].find((found) => found.length > 0) ?? [];
  if (own.length > 0) return { netns: own.map(netnsOf).find((netns) => netns !== "") ?? "", attachments: own };
  const { netns } = findNetns(edge, word, cacheDirectory);
  const isThere = netnsMatcher(netns);
  const there = all.filter((each) => isThere(netnsOf(each)));
  if (there.length > 0 || edge.isLiving(netns)) return { netns, attachments: there };
  const message = `No container and no network namespace "${word}": the result cache, the leases and the kernel do not know it`;
  throw new CniError("unknownContainer", message, { details: "`cnictl ps` lists the attachments" });
}

/** The path of the attachment's namespace; "" if it is unknown. */
function netnsOf({ cached, leases }: KnownAttachment): string {
  return cached?.netns || (leases.find(({ netns }) => netns !== "")?.netns ?? "");
}

/** The attachments of the container that has an address, a MAC or a link on the host. */
function ofMark(all: readonly KnownAttachment[], word: string): readonly KnownAttachment[] {
  const given = parseAddress(bareAddress(word));
  const mark = given === undefined ? word.toLowerCase() : formatAddress(given);
  const owner = all.find((each) =>
    [
      ...addressesOf(each).map(bareAddress),
      ...each.links.map(({ name }) => name.toLowerCase()),
      each.cached?.mac.toLowerCase() ?? "",
    ].includes(mark),
  );
  return owner === undefined ? [] : all.filter(({ containerId }) => containerId === owner.containerId);
}

function ofContainer(all: readonly KnownAttachment[], word: string): readonly KnownAttachment[] {
  const exact = all.filter(({ containerId }) => containerId === word);
  return exact.length > 0 ? exact : ofBeginning(all, word);
}
