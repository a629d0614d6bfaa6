import { parseJump } from "../../src/netfilter/iptables/text.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { type Held, isSameContainer } from "./holder.ts";
import { chainName, parseEntryComment, referenceChainName, SHARED_CHAIN } from "./iptables-chains.ts";
import { parseRedirects } from "./iptables-redirects.ts";
import { overlaps, type Redirect } from "./redirect.ts";

/** A mapping of another container that overlaps one of these. With `before`, only chains that packets reach before ours count. */
export function findHeld(
  listing: string,
  redirects: readonly Redirect[],
  { owner, before = false }: { owner: Attachment; before?: boolean },
): { readonly wanted: Redirect; readonly held: Held } | undefined {
  const jumps = listing.split("\n").flatMap((line) => parseJump(line, SHARED_CHAIN) ?? []);
  const own = [chainName(owner), referenceChainName(owner)];
  const end = before ? jumps.findIndex(({ chain }) => own.includes(chain)) : -1;
  const others = (end === -1 ? jumps : jumps.slice(0, end)).filter(({ chain }) => !own.includes(chain));
  const comments = new Map(others.map(({ chain, comment }) => [chain, comment]));
  const there = parseRedirects(listing).filter(({ chain }) => comments.has(chain));
  const all = there.map(({ chain, ifname, redirect }): Held => {
    const named = parseEntryComment(comments.get(chain) ?? "");
    return { redirect, owner: named && { ...named, ...(ifname !== undefined && { ifname }) } };
  });
  for (const held of all.filter((each) => !isSameContainer(owner, each))) {
    const wanted = redirects.find((redirect) => overlaps(redirect, held.redirect));
    if (wanted !== undefined) return { wanted, held };
  }
  return undefined;
}
