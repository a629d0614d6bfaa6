import type { NetlinkRequest } from "../../netlink/answers.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { succeeds } from "../../platform/outcome.ts";
import { addChain, NF_INET, NF_IP_PRI } from "./chain.ts";
import { NFT_NAT } from "./expression/nat.ts";
import { NFT_REG } from "./expression/register.ts";
import type { Expression } from "./expression.ts";
import { load } from "./field.ts";
import { addRule } from "./rule.ts";
import { MASQUERADE } from "./statement.ts";
import { addTable } from "./table.ts";
import { checkTransaction } from "./transaction.ts";

/** A part of nf_tables that a kernel may lack: chains of type nat, or an expression. */
export type Probe = "nat chain" | "masq" | "nat" | "fib" | "ct";

/** The table of the transaction that is never applied. */
const PLACE = { family: NFPROTO.IPV4, table: "cni_probe" } as const;

const EXPRESSIONS: Readonly<Record<Exclude<Probe, "nat chain">, readonly Expression[]>> = {
  masq: [MASQUERADE],
  nat: [
    ...load(["ip daddr"]),
    { name: "nat", data: { type: NFT_NAT.DNAT, family: NFPROTO.IPV4, addressMin: NFT_REG[1], addressMax: NFT_REG[1] } },
  ],
  fib: load(["fib daddr type"]),
  ct: load(["ct state"]),
};

/** Chains in which the kernel accepts each expression. */
const CHAINS = {
  prerouting: { number: NF_INET.PRE_ROUTING, priority: NF_IP_PRI.NAT_DST },
  postrouting: { number: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC },
} as const;

/** What a kernel answers that lacks a type of chain or an expression. */
const LACKS: readonly number[] = [ERRNO.ENOENT, ERRNO.EOPNOTSUPP];

/**
 * Which of these parts the kernel lacks. It asks with a transaction that the kernel checks and does not apply. Asking for a module that
 * is not loaded would load it. @throws NetlinkError
 */
export function findMissing(netlink: Nfnetlink, probes: readonly Probe[]): readonly Probe[] {
  // One question is enough on a kernel with everything; each costs a grace period.
  if (probes.length === 0 || has(netlink, probes)) return [];
  return probes.filter((probe) => !has(netlink, [probe]));
}

function has(netlink: Nfnetlink, probes: readonly Probe[]): boolean {
  const changes: NetlinkRequest[] = [
    addTable({ family: PLACE.family, name: PLACE.table }),
    ...(["prerouting", "postrouting"] as const).map((name) =>
      addChain({ ...PLACE, name, type: "nat", hook: CHAINS[name] }),
    ),
    ...probes.flatMap((probe) => {
      if (probe === "nat chain") return [];
      const chain = probe === "masq" ? "postrouting" : "prerouting";
      return [addRule({ ...PLACE, chain, expressions: EXPRESSIONS[probe], label: probe })];
    }),
  ];
  return succeeds(LACKS, () => checkTransaction(netlink, changes, { action: "ask what nftables rules can use" }));
}
