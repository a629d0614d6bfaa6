/** What somebody has to do about differences of CHECK that `cnictl reapply` does not mend, or not alone. */
interface ByHand {
  readonly pattern: RegExp;
  /** What to do; undefined if reapply rebuilds it. */
  readonly cure: (...groups: string[]) => string | undefined;
  /** Before this, reapply cannot do the rest. */
  readonly isFirst?: boolean;
  /** What one of several such differences needs is enough. */
  readonly isOnce?: boolean;
}

/** The first that matches a difference counts. */
const BY_HAND: readonly ByHand[] = [
  {
    pattern: /^(Interface|Route) /,
    cure: () =>
      "start the containers again whose interface, addresses or routes differ: nothing rebuilds what is inside a container",
  },
  {
    pattern: /^Port "(.+)" is not a port of bridge ".+", found on /,
    cure: (port) => `ip link set ${port} nomaster`,
    isFirst: true,
  },
  {
    pattern: /^Port .* spanning tree of bridge "(.+)" holds it back$/,
    cure: (bridge) => `wait half a minute, or, where there are no loops: ip link set ${bridge} type bridge stp_state 0`,
  },
  {
    pattern: /^Bridge "(.+)" has MAC .*, expected (\S+)$/,
    cure: (bridge, mac) => `ip link set ${bridge} address ${mac}`,
    isOnce: true,
  },
  {
    pattern: /^The host itself has /,
    cure: () => "delete the address from that link, or give the network another subnet and start the containers again",
    isFirst: true,
  },
  { pattern: /^The host reaches .* has no address for it$/, cure: () => undefined },
  {
    pattern: /^The host reaches .*"(.+)" has lost its route to (\S+)$/,
    cure: (link, subnet) => `ip route replace ${subnet} dev ${link}`,
    isFirst: true,
  },
  {
    pattern: /^The host (?:reaches|has no route to) ([^\s,]+)/,
    cure: (address) =>
      `delete the rule or route that takes the packets, as these show it: ip rule; ip route get ${address}`,
    isFirst: true,
    isOnce: true,
  },
];

/** What helps against the differences that CHECK found in attachments of a network. */
export function cureForDifferences(network: string, texts: readonly string[]): string {
  const seen = new Set<ByHand>();
  const cures = texts.map((text) => {
    const byHand = BY_HAND.find(({ pattern }) => pattern.test(text));
    if (byHand === undefined) return { isFirst: false, cure: undefined };
    const cure = byHand.cure(...(byHand.pattern.exec(text)?.slice(1) ?? []));
    const isKnown = byHand.isOnce === true && seen.has(byHand);
    seen.add(byHand);
    return { isFirst: byHand.isFirst ?? false, cure: isKnown ? "" : cure };
  });
  const isRebuilt = cures.some(({ cure }) => cure === undefined) || texts.some((text) => /not a port of/.test(text));
  const handmade = (first: boolean) => cures.flatMap(({ isFirst, cure }) => (isFirst === first ? (cure ?? []) : []));
  const all = [...handmade(true), ...(isRebuilt ? [`cnictl reapply ${network}`] : []), ...handmade(false)];
  return [...new Set(all)].filter((cure) => cure !== "").join("; ");
}
