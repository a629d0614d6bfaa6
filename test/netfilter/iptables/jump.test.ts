import { expect, test } from "vitest";
import {
  type Jump,
  selectOutdatedJumps,
  selectOwnChain,
  selectOwnJumps,
  selectStaleJumps,
} from "../../../src/netfilter/iptables/jump.ts";
import { networkComment, ruleComment } from "../../../src/netfilter/iptables/name.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { address } from "../../netlink/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const OWN = "CNI-7caf71cac380a526883d7c64";
const SHARED = "CNI-c2d892b58e87e28a12fe6479";
const GONE = "CNI-aaaaaaaaaaaaaaaaaaaaaaaa";

function jump(chain: string, source?: string, comment = ruleComment(owner)): Jump {
  return { chain, source: source === undefined ? undefined : address(source), comment };
}

const own = jump(OWN, "10.88.0.2");
const unsourced = jump(OWN);
const shared = jump(SHARED, "10.88.0.3");
const elsewhere = jump(SHARED, "10.88.0.4");
const sharedUnsourced = jump(SHARED);
const gone = jump(GONE, "10.88.0.3", ruleComment({ ...owner, containerId: "c9" }));
const foreign = jump(GONE, "10.88.0.3", ruleComment({ ...owner, network: "net2" }));
const operators = jump("MINE", "10.88.0.3");
const jumps = [own, unsourced, shared, elsewhere, sharedUnsourced, gone, foreign, operators];

const [known, of] = [["10.88.0.3", "fd00::3"].map(address), "eth0 of container c1"];
const moved = currentAddresses("net1", [{ ...owner, addresses: known }]);
const [comment, from] = [networkComment("net1"), "POSTROUTING"];

test.each([
  ["selectOwnChain()", selectOwnChain(owner), { label: of, texts: [OWN], chains: [OWN] }, [own, unsourced]],
  [
    "selectOwnJumps() with known addresses",
    selectOwnJumps(owner, known),
    { label: of, texts: [OWN, SHARED], chains: [OWN, SHARED] },
    [own, unsourced, shared],
  ],
  [
    "selectOwnJumps() without addresses",
    selectOwnJumps(owner, undefined),
    { label: of, texts: [OWN, SHARED], chains: [OWN, SHARED] },
    [own, unsourced, shared, elsewhere, sharedUnsourced],
  ],
  [
    "selectStaleJumps()",
    selectStaleJumps("net1", [owner]),
    { label: "network net1's stale attachments", texts: [comment], chains: undefined },
    [gone],
  ],
  [
    "selectOutdatedJumps()",
    selectOutdatedJumps("net1", moved),
    { label: "network net1's outdated addresses", texts: [comment], chains: undefined },
    [own],
  ],
])("%s selects an owner's jumps, and says where they can be", (_, { selects, ...selection }, expected, selected) => {
  expect(selection).toEqual({ ...expected, from });
  expect(jumps.filter(selects)).toEqual(selected);
});
