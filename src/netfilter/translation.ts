import { refusals } from "../netlink/acknowledgement.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { ERRNO } from "../platform/errno.ts";
import { succeeds } from "../platform/outcome.ts";
import { addChain, NF_INET, NF_IP_PRI } from "./nftables/chain.ts";
import { addTable } from "./nftables/table.ts";
import { checkTransaction } from "./nftables/transaction.ts";
import { OWN_TABLES } from "./tables.ts";

/** Never made: the kernel only examines it. */
const PROBE = { ...OWN_TABLES.masquerade, table: "cni_probe" } as const;

/**
 * Whether nf_tables can translate addresses of both families in one table. That needs Linux 5.2 and the module nft_chain_nat, which the
 * kernel loads if it may. Costs an RCU grace period. @throws NetlinkError
 */
export function translatesAddresses(netlink: Nfnetlink): boolean {
  const { family, table } = PROBE;
  const hook = { number: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC };
  const changes = [
    addTable({ family, name: table, flags: 0 }),
    addChain({ family, table, name: "postrouting", type: "nat", hook }),
  ];
  const action = "look whether nf_tables can translate addresses";
  return succeeds(refusals(ERRNO.ENOENT, ERRNO.EOPNOTSUPP), () => checkTransaction(netlink, changes, { action }));
}
