import { i32, u8, u32 } from "../codec.ts";
import { nest, type Values } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { payload } from "../struct.ts";
import { linkHeader } from "./header.ts";
import type { LinkId } from "./message.ts";

/** <linux/if_link.h> */
const IFLA_XDP = { FD: 1, ATTACHED: 2, FLAGS: 3, PROG_ID: 4, DRV_PROG_ID: 5, SKB_PROG_ID: 6, HW_PROG_ID: 7 } as const;

/** Where a program runs: in the driver, in the kernel's own code for any driver, or on the card. <linux/if_link.h> */
const XDP_FLAGS = { SKB_MODE: 0x2, DRV_MODE: 0x4, HW_MODE: 0x8 } as const;

/** The same, as the kernel reports it for a single program. <linux/if_link.h> */
const XDP_ATTACHED = { DRV: 1, SKB: 2, HW: 3 } as const;

/** A link's XDP programs, by their numbers. The numbers by mode: since Linux 4.19. */
export const XDP_FIELDS = {
  fd: [IFLA_XDP.FD, i32],
  flags: [IFLA_XDP.FLAGS, u32],
  attached: [IFLA_XDP.ATTACHED, u8],
  program: [IFLA_XDP.PROG_ID, u32],
  inDriver: [IFLA_XDP.DRV_PROG_ID, u32],
  generic: [IFLA_XDP.SKB_PROG_ID, u32],
  onCard: [IFLA_XDP.HW_PROG_ID, u32],
} as const;

/** <linux/if_link.h> */
const IFLA = { XDP: 43 } as const;

const { encode } = payload(linkHeader, { xdp: [IFLA.XDP, nest(XDP_FIELDS, false)] });

/** An XDP program of a link. `mode` is one of XDP_FLAGS. */
export interface XdpProgram {
  readonly id: number;
  readonly mode: number;
}

/** The XDP programs of a link, from what the kernel says of it. */
export function programsOf(xdp: Values<typeof XDP_FIELDS> | undefined): readonly XdpProgram[] {
  const { attached, program, inDriver, generic, onCard } = xdp ?? {};
  const single = (mode: number) => (attached === mode ? program : undefined);
  const found = [
    { mode: XDP_FLAGS.DRV_MODE, id: inDriver ?? single(XDP_ATTACHED.DRV) },
    { mode: XDP_FLAGS.SKB_MODE, id: generic ?? single(XDP_ATTACHED.SKB) },
    { mode: XDP_FLAGS.HW_MODE, id: onCard ?? single(XDP_ATTACHED.HW) },
  ];
  return found.flatMap(({ mode, id }) => (id === undefined ? [] : [{ mode, id }]));
}

/**
 * Detaches a program from a link, like `ip link set dev NAME xdpgeneric off`. @throws NetlinkError EBUSY for a program that ends with the
 * process that attached it
 */
export function detachProgram(netlink: Rtnetlink, link: LinkId, { id, mode }: XdpProgram): void {
  const bytes = encode({ header: { index: link.index }, attributes: { xdp: { fd: -1, flags: mode } } });
  const action = `detach XDP program ${id} from link "${link.name}"`;
  netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload: bytes, action });
}
