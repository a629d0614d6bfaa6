/** What is seen of one container: the IPv4 addresses of its interface, and when the server's leases are over, in s since 1970. */
export interface Sight {
  readonly addresses: readonly { readonly local: string; readonly valid_life_time: number }[];
  readonly leases: Readonly<Record<string, number>>;
  /** The time of the look, in s since 1970. */
  readonly now: number;
}

/** What is wrong with a container whose first address was `first`, with leases of so many seconds. Empty if nothing is. */
export function judge(first: string, { addresses, leases, now }: Sight, seconds: number): readonly string[] {
  const found = addresses.map(({ local }) => local).join(", ");
  if (found !== first) return [`has ${found === "" ? "no address" : found} instead of ${first}`];
  const [left = 0] = addresses.map(({ valid_life_time }) => valid_life_time);
  const over = leases[first];
  return [
    ...(left > 0 && left <= seconds ? [] : [`has ${first} for ${left} s, must be 1 to ${seconds}`]),
    ...(over === undefined ? [`has ${first}, which the server has no lease of`] : []),
    ...(over !== undefined && over <= now
      ? [`has ${first}, whose lease was over ${(now - over).toFixed(1)} s ago`]
      : []),
  ];
}
