import { isSamePrefix, type Prefix, prefixContains } from "../../ip/prefix.ts";

/**
 * An address of each of two sets of gateways that one bridge cannot have both, as ADD of `bridge` decides without `forceAddress`: it
 * refuses any IPv4 address that is not its own, and an IPv6 address whose prefix overlaps. Undefined if both sets fit.
 */
export function findGatewayConflict(
  some: readonly Prefix[],
  others: readonly Prefix[],
): readonly [Prefix, Prefix] | undefined {
  const without = (all: readonly Prefix[], known: readonly Prefix[]) =>
    all.filter((each) => !known.some((other) => isSamePrefix(each, other)));
  const pairs = without(some, others).flatMap((one) =>
    without(others, some).map((other): readonly [Prefix, Prefix] => [one, other]),
  );
  return pairs.find(([one, other]) => isInTheWay(one, other));
}

function isInTheWay(one: Prefix, other: Prefix): boolean {
  if (one.address.family !== other.address.family) return false;
  return one.address.family === 4 || prefixContains(one, other.address) || prefixContains(other, one.address);
}
