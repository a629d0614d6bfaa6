import { IptablesError } from "../netfilter/iptables/tool.ts";
import type { Gathering } from "../netfilter/nftables/gathering.ts";
import type { RuleGathering } from "../netfilter/rule-gathering.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { openNfnetlink } from "../netlink/socket.ts";
import { succeeds } from "../platform/outcome.ts";

/**
 * Applies the rules of all attachments. False if those of one were refused: then each has to be rebuilt by itself. Those of nftables are
 * first: among them are deletions from the tables of iptables-nft. @throws LinuxError
 */
export function applyRules({ nftables, iptables }: RuleGathering): boolean {
  return succeeds([NetlinkError, IptablesError], () => {
    if (!nftables.isEmpty) applyNftables(nftables);
    iptables.apply();
  });
}

function applyNftables(nftables: Gathering): void {
  const netlink = openNfnetlink();
  try {
    nftables.apply(netlink);
  } finally {
    netlink.close();
  }
}
