import { LinuxError } from "../platform/errno.ts";
import { align, viewOfStruct } from "./bytes.ts";
import { text, u32 } from "./codec.ts";
import { decoderOf } from "./fields.ts";
import type { Message } from "./message.ts";
import { HEADER_SIZE, NLM_F, NLMSG } from "./message.ts";

/** Attributes after an acknowledgement. <linux/netlink.h> */
const NLMSGERR_ATTR = { MSG: 1, OFFS: 2 } as const;

const decodeExtended = decoderOf({ text: [NLMSGERR_ATTR.MSG, text], offset: [NLMSGERR_ATTR.OFFS, u32] });

/** The kernel's answer to a request. `errno` is 0 for success; `text` is the kernel's explanation, or its warning on success. */
export interface Acknowledgement {
  readonly errno: number;
  readonly text?: string | undefined;
  /** The offset in the request of the byte that it is about. */
  readonly offset?: number | undefined;
}

/** The kernel refused a request. `explanation` is the kernel's own text, if it gave one. */
export class NetlinkError extends LinuxError {
  readonly explanation: string | undefined;

  constructor(action: string, acknowledgement: Acknowledgement) {
    super(action, { syscall: "netlink", errno: acknowledgement.errno });
    this.name = "NetlinkError";
    this.explanation = acknowledgement.text;
    if (acknowledgement.text !== undefined) this.message += ` (${acknowledgement.text})`;
  }
}

/** Tells, for ignoring() and the like, whether the kernel refused with one of these error numbers. A system call that failed does not count. */
export function refusals(...errnos: readonly number[]): (error: unknown) => boolean {
  return (error) => error instanceof NetlinkError && errnos.includes(error.errno);
}

/**
 * Reads struct nlmsgerr or the end of a dump: an int and, if the flags say so, attributes. A refused request follows the int in full,
 * unless the socket asked for its header only (NETLINK_CAP_ACK). @throws RangeError if it is too short
 */
export function decodeAcknowledgement(message: Message): Acknowledgement {
  const { payload, flags } = message;
  const view = viewOfStruct(payload, "an acknowledgement", 4);
  const errno = 0 - view.getInt32(0, true);
  if ((flags & NLM_F.ACK_TLVS) === 0) return { errno };
  const { text, offset } = decodeExtended(payload.subarray(4 + quotedLength(message)));
  return { errno, ...(text !== undefined && { text }), ...(offset !== undefined && { offset }) };
}

function quotedLength(message: Message): number {
  if (message.type === NLMSG.DONE) return 0;
  const view = viewOfStruct(message.payload, "struct nlmsgerr", 4 + HEADER_SIZE);
  return (message.flags & NLM_F.CAPPED) === 0 ? align(view.getUint32(4, true)) : HEADER_SIZE;
}
