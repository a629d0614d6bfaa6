import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { NLM_F } from "../../src/netlink/message.ts";

/** One message of the kernel's answer: its type and what is behind struct nlmsghdr. */
export interface Answer {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Whether a request asks for a list. */
export function isDump({ flags }: Pick<NetlinkRequest, "flags">): boolean {
  return (flags & NLM_F.DUMP) === NLM_F.DUMP;
}
