import type { NetlinkRequest } from "../../netlink/answers.ts";
import { u32be } from "../../netlink/codec.ts";
import { encodeFields } from "../../netlink/fields.ts";
import { NLM_F } from "../../netlink/message.ts";
import { encodeNfgenmsg, NFNL_SUBSYS, NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";

/** The messages around a transaction: NLMSG_MIN_TYPE and NLMSG_MIN_TYPE + 1. <linux/netfilter/nfnetlink.h> */
const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const;

/** enum nfnl_batch_attributes <linux/netfilter/nfnetlink.h> */
const NFNL_BATCH = { GENID: 1 } as const;

const FIELDS = { generation: [NFNL_BATCH.GENID, u32be] } as const;

/**
 * Applies changes as one transaction: all of them or none. `action` describes them in words. With `generation`, they are applied only
 * if the rule set still has that generation (see getGeneration); otherwise the call fails with ERESTART at no cost. Any other failure costs
 * the kernel an RCU grace period of about 10 ms, so look first instead of trying. @throws NetlinkError for the first change that the
 * kernel refused, naming it
 */
export function applyTransaction(
  netlink: Nfnetlink,
  changes: readonly NetlinkRequest[],
  options: { action: string; generation?: number },
): void {
  const { action, generation } = options;
  const end = { type: NFNL_MSG_BATCH.END, flags: 0, payload: encodeBatch(), action };
  netlink.transact([...begun(changes, { action, generation }), end]);
}

/**
 * Lets the kernel check changes without applying them, like `nft --check`: it does not apply a transaction without an end message.
 * Costs an RCU grace period. @throws NetlinkError for the first change that the kernel would refuse, naming it
 */
export function checkTransaction(
  netlink: Nfnetlink,
  changes: readonly NetlinkRequest[],
  options: { action: string },
): void {
  netlink.transact(begun(changes, options));
}

/** The changes of a transaction as applyTransaction() sends it; undefined if the requests are something else. */
export function changesOf(requests: readonly NetlinkRequest[]): readonly NetlinkRequest[] | undefined {
  const [begin, ...rest] = requests;
  if (begin?.type !== NFNL_MSG_BATCH.BEGIN || rest.at(-1)?.type !== NFNL_MSG_BATCH.END) return undefined;
  return rest.slice(0, -1).map((change) => ({ ...change, flags: change.flags & ~NLM_F.ACK }));
}

/**
 * The kernel processes a transaction while it is sent. It then answers with all errors and the requested acknowledgements, in the
 * order of the changes. The answer to the last change is the last one.
 */
function begun(
  changes: readonly NetlinkRequest[],
  { action, generation }: { action: string; generation?: number | undefined },
): readonly NetlinkRequest[] {
  const acknowledged = changes.map((change, index) =>
    index === changes.length - 1 ? { ...change, flags: change.flags | NLM_F.ACK } : change,
  );
  return [{ type: NFNL_MSG_BATCH.BEGIN, flags: 0, payload: encodeBatch(generation), action }, ...acknowledged];
}

function encodeBatch(generation?: number): Uint8Array {
  return encodeNfgenmsg({
    family: NFPROTO.UNSPEC,
    resource: NFNL_SUBSYS.NFTABLES,
    attributes: encodeFields(FIELDS, { generation }),
  });
}
