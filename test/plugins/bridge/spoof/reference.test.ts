import { expect, test } from "vitest";
import { deleteReferenceSpoofCheck, listReferenceSpoofRules } from "../../../../plugins/bridge/spoof/reference.ts";
import { decodeChain, encodeChain } from "../../../../src/netfilter/nftables/chain.ts";
import { encodeRule } from "../../../../src/netfilter/nftables/rule.ts";
import { commented } from "../../../../src/netfilter/nftables/userdata.ts";
import { NetlinkError } from "../../../../src/netlink/acknowledgement.ts";
import { ERRNO } from "../../../../src/platform/errno.ts";
import { captured } from "../../../netfilter/captured.ts";
import { fakeNetlink } from "../../../netfilter/kernel.ts";

const NFT_MSG = { GETCHAIN: 0xa04, GETRULE: 0xa07, GETGEN: 0xa10 } as const;
const PLACE = { family: 7, table: "nat" } as const;
const attachment = { containerId: "c1", ifname: "eth0" };

/** A kernel with these chains of the reference's table, and a rule in the first for each comment, by handle from 1. */
function kernel(options: { chains?: readonly string[]; comments?: readonly string[]; refusals?: readonly number[] }) {
  const { chains = [], comments = [], refusals = [] } = options;
  const left = [...refusals];
  const log: string[][] = [];
  const message = (payload: Uint8Array) => ({ type: 0, flags: 0, sequence: 1, port: 0, payload });
  const netlink = fakeNetlink({
    request: ({ type, payload, action }) => {
      if (type === NFT_MSG.GETGEN) return captured("generation", "received", "NEWGEN").slice(0, 1);
      if (type === NFT_MSG.GETRULE) {
        const rule = (comment: string, index: number) =>
          encodeRule({
            ...PLACE,
            chain: "PREROUTING",
            handle: BigInt(index + 1),
            userdata: commented("rule", comment),
          });
        return comments.map(rule).map(message);
      }
      const { name = "" } = decodeChain(payload);
      if (!chains.includes(name)) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      return [message(encodeChain({ ...PLACE, name }))];
    },
    transact: (requests) => {
      log.push(requests.slice(1, -1).map(({ action }) => action));
      const errno = left.shift() ?? 0;
      if (errno !== 0) throw new NetlinkError(requests[1]?.action ?? "", { errno });
    },
  });
  return { netlink, log };
}

const chains = ["PREROUTING", "cni-br-iface-c1-eth0", "cni-br-iface-c1-eth0-mac", "cni-br-iface-c1-eth01"];
const comments = ["macspoofchk-c1-eth01", "macspoofchk-c1-eth0", "mine"];
const RULE = "delete rule 2 from nftables chain PREROUTING of table nat";

test("deleteReferenceSpoofCheck deletes the attachment's rule and chains, and no other's", () => {
  const { netlink, log } = kernel({ chains, comments });
  deleteReferenceSpoofCheck(netlink, attachment);
  expect(log).toEqual([
    [
      RULE,
      "delete nftables chain cni-br-iface-c1-eth0 from table nat",
      "delete nftables chain cni-br-iface-c1-eth0-mac from table nat",
    ],
  ]);
});

test("deleteReferenceSpoofCheck leaves chains that somebody else's rule goes to", () => {
  const { netlink, log } = kernel({ chains, comments, refusals: [ERRNO.EBUSY] });
  deleteReferenceSpoofCheck(netlink, attachment);
  expect(log[1]).toEqual([RULE]);
});

test("deleteReferenceSpoofCheck changes nothing where there is nothing", () => {
  for (const has of [[], ["PREROUTING"]]) {
    const { netlink, log } = kernel({ chains: has, comments: ["mine"] });
    deleteReferenceSpoofCheck(netlink, attachment);
    expect(log).toEqual([]);
  }
});

test("listReferenceSpoofRules finds the attachment's rule alone", () => {
  expect(listReferenceSpoofRules(kernel({ chains, comments }).netlink, attachment).map(({ handle }) => handle)).toEqual(
    [2n],
  );
  expect(listReferenceSpoofRules(kernel({ comments }).netlink, attachment)).toEqual([]);
});
