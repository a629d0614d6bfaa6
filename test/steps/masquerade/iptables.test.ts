import { expect, test } from "vitest";
import { parsePrefix } from "../../../src/ip/prefix.ts";
import { formatAdditions, missingRules } from "../../../src/steps/masquerade/iptables.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const OWN = "CNI-7caf71cac380a526883d7c64";
const SHARED = "CNI-c2d892b58e87e28a12fe6479";

function prefixes(...texts: string[]) {
  return texts.map(parsePrefix).filter((prefix) => prefix !== undefined);
}

const comment = String.raw`-m comment --comment "name: \"net1\" id: \"c1\""`;
const additions = `*nat
:${OWN} - [0:0]
-A ${OWN} -d 10.88.0.0/24 ${comment} -j ACCEPT
-A ${OWN} -d 10.89.0.0/16 ${comment} -j ACCEPT
-A ${OWN} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE
-A POSTROUTING -s 10.88.0.2/32 ${comment} -j ${OWN}
-A POSTROUTING -s 10.88.0.3/32 ${comment} -j ${OWN}
-A POSTROUTING -s 10.89.0.2/32 ${comment} -j ${OWN}
COMMIT
`;

test("formatAdditions accepts what stays in any of the subnets before it masquerades the rest", () => {
  expect(formatAdditions({ owner, prefixes: prefixes("10.88.0.2/24", "10.88.0.3/24", "10.89.0.2/16") })).toBe(
    additions,
  );
});

test("formatAdditions writes IPv6", () => {
  expect(formatAdditions({ owner, prefixes: prefixes("fd00:88::2/64") })).toBe(`*nat
:${OWN} - [0:0]
-A ${OWN} -d fd00:88::/64 ${comment} -j ACCEPT
-A ${OWN} ! -d ff00::/8 ${comment} -j MASQUERADE
-A POSTROUTING -s fd00:88::2/128 ${comment} -j ${OWN}
COMMIT
`);
});

test("formatAdditions accepts what goes to a list, each of the family once, as iptables -S prints it", () => {
  const keep = prefixes("10.244.0.0/16", "fd00:1::/64", "10.88.0.9/24", "192.0.2.7/32", "0.0.0.0/0");
  const input = formatAdditions({ owner, prefixes: prefixes("10.88.0.2/24"), keep });
  expect(input.split("\n").slice(2, 7)).toEqual([
    `-A ${OWN} -d 10.88.0.0/24 ${comment} -j ACCEPT`,
    `-A ${OWN} -d 10.244.0.0/16 ${comment} -j ACCEPT`,
    `-A ${OWN} -d 192.0.2.7/32 ${comment} -j ACCEPT`,
    `-A ${OWN} ${comment} -j ACCEPT`,
    `-A ${OWN} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
  ]);
});

test("missingRules names each rule that is not listed", () => {
  const own = prefixes("10.88.0.2/24");
  const listing = formatAdditions({ owner, prefixes: own });
  expect(missingRules(listing, { owner, prefixes: own })).toEqual([]);
  expect(missingRules(listing.replace("10.88.0.2/32", "10.88.0.9/32"), { owner, prefixes: own })).toEqual([
    `-A POSTROUTING -s 10.88.0.2/32 ${comment} -j ${OWN}`,
  ]);
  expect(missingRules("", { owner, prefixes: own })).toHaveLength(3);
});

test("missingRules takes the reference plugins' chain for ours", () => {
  const own = prefixes("10.88.0.2/24");
  expect(
    missingRules(formatAdditions({ owner, prefixes: own }).replaceAll(OWN, SHARED), { owner, prefixes: own }),
  ).toEqual([]);
});
