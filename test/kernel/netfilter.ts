import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { u32be } from "../../src/netlink/codec.ts";
import { decoderOf } from "../../src/netlink/fields.ts";
import { decodeNfgenmsg, NFNL_SUBSYS } from "../../src/netlink/nfnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import { answerConntrack } from "./connections.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";
import { applyChange } from "./rule-changes.ts";
import { answerQuestion } from "./rule-questions.ts";

/** The messages around a transaction. <linux/netfilter/nfnetlink.h> */
export const BATCH = { BEGIN: 0x10, END: 0x11 } as const;

/** enum nfnl_batch_attributes <linux/netfilter/nfnetlink.h> */
const FIELDS = { generation: [1, u32be] } as const;

/** What became of one request of a transaction. */
export interface Verdict {
  readonly request: NetlinkRequest;
  readonly refusal: Refusal | undefined;
}

/** Answers a single request of netfilter. @throws Refusal */
export function answerNetfilter(
  { features }: Machine,
  namespace: FakeNamespace,
  request: NetlinkRequest,
): readonly Answer[] {
  const subsystem = request.type >> 8;
  if (subsystem === NFNL_SUBSYS.CTNETLINK) return answerConntrack(namespace, request);
  if (subsystem !== NFNL_SUBSYS.NFTABLES || !features.nftables) throw new Refusal(ERRNO.EINVAL);
  return answerQuestion(namespace.rules, request);
}

/**
 * Applies a transaction: all of it, or nothing where one request is refused or the end is missing. `refuse` is asked before each change.
 * Returns what became of each request.
 */
export function applyBatch(
  { features }: Machine,
  namespace: FakeNamespace,
  requests: readonly NetlinkRequest[],
  refuse: (request: NetlinkRequest) => Refusal | undefined,
): readonly Verdict[] {
  const [begin, ...rest] = requests;
  if (begin === undefined) return [];
  const { generation } = decoderOf(FIELDS)(decodeNfgenmsg(begin.payload).attributes);
  const isLate = generation !== undefined && generation !== namespace.rules.generation;
  if (isLate) return [{ request: begin, refusal: new Refusal(ERRNO.ERESTART) }];
  if (!features.nftables) return [{ request: begin, refusal: new Refusal(ERRNO.EOPNOTSUPP) }];
  const rules = namespace.rules.copy();
  let isChanged = false;
  const verdicts = rest
    .filter(({ type }) => type !== BATCH.END)
    .map((request) => {
      const refusal =
        refuse(request) ??
        attempt(() => {
          isChanged = applyChange(rules, request, features) || isChanged;
        });
      return { request, refusal };
    });
  const isWhole = rest.at(-1)?.type === BATCH.END;
  if (isWhole && isChanged && verdicts.every(({ refusal }) => refusal === undefined)) {
    rules.generation++;
    namespace.rules = rules;
  }
  return verdicts;
}

function attempt(change: () => void): Refusal | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
