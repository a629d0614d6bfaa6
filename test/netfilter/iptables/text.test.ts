import { expect, test } from "vitest";
import { parseAddress } from "../../../src/ip/address.ts";
import { selectOwnJumps } from "../../../src/netfilter/iptables/jump.ts";
import { formatRemovals, parseJump } from "../../../src/netfilter/iptables/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const OWN = "CNI-7caf71cac380a526883d7c64";
const SHARED = "CNI-c2d892b58e87e28a12fe6479";

function addresses(...texts: string[]) {
  return texts.map(parseAddress).filter((address) => address !== undefined);
}

/** A rule as `iptables -S` printed it, of a chain that is made up. */
function jump(source: string, chain: string, container = "c1", network = "net1"): string {
  return `-A POSTROUTING -s ${source} -m comment --comment "name: \\"${network}\\" id: \\"${container}\\"" -j ${chain}`;
}

const comment = String.raw`-m comment --comment "name: \"net1\" id: \"c1\""`;
test.each([
  [jump("10.88.0.2/32", OWN), { chain: OWN, source: "10.88.0.2", comment: 'name: "net1" id: "c1"' }],
  [jump("fd00:88::2/128", OWN), { chain: OWN, source: "fd00:88::2", comment: 'name: "net1" id: "c1"' }],
  [jump("10.88.0.0/24", OWN), { chain: OWN, source: undefined, comment: 'name: "net1" id: "c1"' }],
  [`-A POSTROUTING -s 10.0.0.1/32 -m comment --comment one -j X`, { chain: "X", source: "10.0.0.1", comment: "one" }],
  ["-A POSTROUTING -s 10.0.0.1 -m comment --comment one -j X", { chain: "X", source: "10.0.0.1", comment: "one" }],
  ["-A POSTROUTING -p tcp -m comment --comment one -m multiport --dports 80 -j X", { chain: "X", comment: "one" }],
])("parseJump reads %s", (line, expected: { chain: string; comment: string; source?: string | undefined }) => {
  expect(parseJump(line, "POSTROUTING")).toEqual({ ...expected, source: parseAddress(expected.source ?? "") });
});

test.each([
  "-P POSTROUTING ACCEPT",
  "-N KUBE-POSTROUTING",
  "-A POSTROUTING -j KUBE-POSTROUTING",
  "-A POSTROUTING -o eth0 -j MASQUERADE",
  "-A POSTROUTING -m comment --comment one -j MASQUERADE --random",
  "-A PREROUTING -m comment --comment one -j X",
  "",
])("parseJump reads nothing from %j", (line) => expect(parseJump(line, "POSTROUTING")).toBeUndefined());

const listing = [
  "-P POSTROUTING ACCEPT",
  jump("10.88.0.2/32", OWN),
  jump("10.88.0.3/32", SHARED),
  jump("10.88.0.4/32", SHARED),
];

test("formatRemovals takes the attachment's jumps, and chains that no other jump goes to", () => {
  const selection = selectOwnJumps(owner, addresses("10.88.0.2", "10.88.0.3"));
  expect(formatRemovals(listing.join("\n"), selection, [OWN, SHARED])).toBe(`*nat
-D POSTROUTING -s 10.88.0.2/32 ${comment} -j ${OWN}
-D POSTROUTING -s 10.88.0.3/32 ${comment} -j ${SHARED}
-F ${OWN}
-X ${OWN}
COMMIT
`);
});

test("formatRemovals takes all of the reference plugins' chain where the addresses are not known", () => {
  const text = formatRemovals(listing.join("\n"), selectOwnJumps(owner, undefined), [SHARED]);
  expect(text?.match(/^-D/gm)).toHaveLength(3);
  expect(text?.match(/^-X .*/gm)).toEqual([`-X ${OWN}`, `-X ${SHARED}`]);
});

test("formatRemovals takes a jump to a chain that other jumps still go to, and leaves the chain", () => {
  const selection = selectOwnJumps(owner, addresses("10.88.0.3"));
  expect(formatRemovals(listing.slice(2).join("\n"), selection, [])).toBe(`*nat
-D POSTROUTING -s 10.88.0.3/32 ${comment} -j ${SHARED}
COMMIT
`);
});

test("formatRemovals takes a chain without jumps, and says when there is nothing", () => {
  const selection = selectOwnJumps(owner, undefined);
  expect(formatRemovals("-P POSTROUTING ACCEPT", selection, [OWN])).toBe(`*nat\n-F ${OWN}\n-X ${OWN}\nCOMMIT\n`);
  expect(formatRemovals("-P POSTROUTING ACCEPT", selection, [])).toBeUndefined();
});
