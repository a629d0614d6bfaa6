import { ADDRESS_BITS, formatAddress, parseAddress } from "../../ip/address.ts";
import { formatPrefix, network } from "../../ip/prefix.ts";
import type { Wanted } from "../masquerade-rules.ts";
import type { Jump, JumpSelection } from "./jump.ts";
import { chainName, referenceChainName, ruleComment } from "./name.ts";

/** Addresses of many: a packet to them keeps its source, as the reference plugins have it. */
const MULTICAST = { 4: "224.0.0.0/4", 6: "ff00::/8" } as const;

/** A jump with a comment as `iptables -S` prints it; one address has a prefix length or none. */
const JUMP =
  /^-A (\S+) (?:-s (\S+?)(?:\/(?:32|128))? )?(?:.* )?-m comment --comment (?:"((?:[^"\\]|\\.)*)"|(\S+)) (?:.* )?-j (\S+)$/;

/**
 * What masquerades a container's addresses of one family, as input for `iptables-restore --noflush`: a chain of its own, which is emptied
 * where it is there, and a jump to it for each address.
 */
export function formatAdditions(wanted: Wanted): string {
  const chain = chainName(wanted.owner);
  return formatInput([`:${chain} - [0:0]`, ...rulesOf(chain, wanted)]);
}

/**
 * The rules of an attachment that a listing by `iptables -S` lacks: none where it has all of them, in this project's chain or in the
 * reference plugins'.
 */
export function missingRules(listing: string, wanted: Wanted): readonly string[] {
  const { owner } = wanted;
  const present = new Set(listing.split("\n"));
  const [own = [], shared = []] = [chainName(owner), referenceChainName(owner)].map((chain) =>
    rulesOf(chain, wanted).filter((rule) => !present.has(rule)),
  );
  return shared.length === 0 ? [] : own;
}

/**
 * What takes away the selected jumps of a listing of the chain that they are in, and the chains that then no jump goes to, `chains` among
 * them; undefined where there is nothing to take.
 */
export function formatRemovals(
  listing: string,
  { from, selects }: Pick<JumpSelection, "from" | "selects">,
  chains: readonly string[],
): string | undefined {
  const jumps = listing.split("\n").flatMap((line) => {
    const jump = parseJump(line, from);
    return jump === undefined ? [] : [{ line, chain: jump.chain, isSelected: selects(jump) }];
  });
  const selected = jumps.filter(({ isSelected }) => isSelected);
  const isFree = (chain: string) => !jumps.some((jump) => jump.chain === chain && !jump.isSelected);
  const free = [...new Set([...selected.map(({ chain }) => chain), ...chains])].filter(isFree);
  if (selected.length === 0 && free.length === 0) return undefined;
  return formatInput([
    ...selected.map(({ line }) => line.replace(/^-A/, "-D")),
    ...free.map((chain) => `-F ${chain}`),
    ...free.map((chain) => `-X ${chain}`),
  ]);
}

/** A jump of a chain with a comment, as a line of `iptables -S` says it; undefined for any other line. */
export function parseJump(line: string, from: string): Jump | undefined {
  const [, holder, source = "", quoted, bare = "", chain] = JUMP.exec(line) ?? [];
  if (chain === undefined || holder !== from) return undefined;
  return { chain, source: parseAddress(source), comment: quoted?.replaceAll(/\\(.)/g, "$1") ?? bare };
}

/** In the words of `iptables -S`. */
function rulesOf(chain: string, { owner, prefixes, keep = [] }: Wanted): readonly string[] {
  const comment = `-m comment --comment "${ruleComment(owner).replaceAll(/["\\]/g, "\\$&")}"`;
  const families = new Set(prefixes.map(({ address }) => address.family));
  const kept = keep.filter(({ address }) => families.has(address.family));
  const subnets = new Set([...prefixes, ...kept].map((prefix) => formatPrefix(network(prefix))));
  return [
    ...[...subnets].map((subnet) => `-A ${chain} ${toSubnet(subnet)}${comment} -j ACCEPT`),
    ...[...families].map((family) => `-A ${chain} ! -d ${MULTICAST[family]} ${comment} -j MASQUERADE`),
    ...prefixes.map(({ address }) => {
      return `-A POSTROUTING -s ${formatAddress(address)}/${ADDRESS_BITS[address.family]} ${comment} -j ${chain}`;
    }),
  ];
}

/** The tool says nothing of a destination that is everything. */
function toSubnet(subnet: string): string {
  return subnet.endsWith("/0") ? "" : `-d ${subnet} `;
}

/** Input of iptables-restore that does this to a table, all of it or nothing. */
export function formatInput(lines: readonly string[], table = "nat"): string {
  return [`*${table}`, ...lines, "COMMIT", ""].join("\n");
}
