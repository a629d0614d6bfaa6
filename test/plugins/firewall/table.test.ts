import { expect, it } from "vitest";
import { admit } from "../../../plugins/firewall/table.ts";
import { parseAddress } from "../../../src/ip/address.ts";
import { decodeElement, decodeElementList } from "../../../src/netfilter/nftables/element.ts";
import { formatExpressions } from "../../../src/netfilter/nftables/format.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { decodeSet } from "../../../src/netfilter/nftables/set.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { captured, hex } from "../../netfilter/captured.ts";
import { fakeNetlink } from "../../netfilter/kernel.ts";

/** NFNL_SUBSYS_NFTABLES << 8 with NFT_MSG_NEWRULE, NEWSET and NEWSETELEM. */
const NFT = { NEWRULE: 0xa06, NEWSET: 0xa09, NEWSETELEM: 0xa0c };

const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };
const addresses = ["10.88.0.2", "fd00:88::2"].map(parseAddress).filter((address) => address !== undefined);

/** What goes to a kernel that has nothing yet. */
function sentTo(run: (netlink: ReturnType<typeof fakeNetlink>) => void): readonly NetlinkRequest[] {
  const sent: NetlinkRequest[] = [];
  run(
    fakeNetlink({
      request: ({ action }) => {
        throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      },
      transact: (requests) => sent.push(...requests.slice(1, -1)),
    }),
  );
  return sent;
}

/** A change in a form in which the order of attributes does not count, nor whether a set is named by its number too, nor what only the tool reads. */
function contentOf({ type, payload }: Pick<NetlinkRequest, "type" | "payload">): unknown {
  if (type === NFT.NEWRULE) {
    const { expressions = [], ...rest } = decodeRule(payload);
    return { type, ...rest, expressions: formatExpressions(expressions) };
  }
  if (type === NFT.NEWSET) return { type, ...decodeSet(payload), userdata: undefined };
  if (type !== NFT.NEWSETELEM) return { type, payload: hex(payload) };
  const { setId, elements = [], ...rest } = decodeElementList(payload);
  return { type, ...rest, elements: elements.map((element) => decodeElement(element)) };
}

it("admit is change by change what the nft tool sends for firewall.nft", () => {
  const subject = { owner, addresses, isolation: { policy: "isolated", link: "foo" } } as const;
  const place = { gateway: "02:00:00:00:00:fe", ports: [1], macs: ["02:00:00:00:00:01"] };
  const sent = sentTo((netlink) => admit(netlink, subject, place));
  const expected = captured("firewall", "sent").filter(({ type, sequence }) => type >= 0xa00 && sequence > 0);
  expect(sent.map(contentOf)).toEqual(expected.map(contentOf));
});
