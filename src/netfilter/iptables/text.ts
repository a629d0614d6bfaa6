import { parseAddress } from "../../ip/address.ts";
import type { Jump, JumpSelection } from "./jump.ts";

/** A jump with a comment as `iptables -S` prints it. A single address has its prefix length or none. */
const JUMP =
  /^-A (\S+) (?:-s (\S+?)(?:\/(?:32|128))? )?(?:.* )?-m comment --comment (?:"((?:[^"\\]|\\.)*)"|(\S+)) (?:.* )?-j (\S+)$/;

/**
 * The input of iptables-restore that deletes the selected jumps of a listing, and the chains (of these jumps and of `chains`) that no
 * other jump of the listing uses. Undefined if there is nothing to delete.
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

/** Reads a jump with a comment in chain `from` from a line of `iptables -S`; undefined for any other line. */
export function parseJump(line: string, from: string): Jump | undefined {
  const [, holder, source = "", quoted, bare = "", chain] = JUMP.exec(line) ?? [];
  if (chain === undefined || holder !== from) return undefined;
  return { chain, source: parseAddress(source), comment: quoted?.replaceAll(/\\(.)/g, "$1") ?? bare };
}

/** The input of iptables-restore that applies these lines to a table as one transaction. */
export function formatInput(lines: readonly string[], table = "nat"): string {
  return [`*${table}`, ...lines, "COMMIT", ""].join("\n");
}
