import { encodeFields } from "../fields.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { HANDLE } from "../qdisc/header.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { EVERY_PACKET, MIRRED_FIELDS, U32_FIELDS } from "./attributes.ts";
import { ETH_P } from "./header.ts";
import { encodeFilter } from "./message.ts";

/** The kernel's handling of a packet that was redirected. <linux/pkt_cls.h> */
const TC_ACT = { STOLEN: 4 } as const;

/** The operation of a mirred action. <linux/tc_act/tc_mirred.h> */
const TCA_EGRESS = { REDIR: 1 } as const;

/** The class that `tc` writes as 1:1. */
const CLASS_ID = 0x00010001;

/**
 * Redirects all packets that a link with an ingress qdisc receives to another link's egress, like `tc filter add dev NAME parent ffff:
 * protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev TARGET`. @throws NetlinkError EINVAL without the
 * qdisc, ENOENT if the kernel lacks cls_u32 or act_mirred
 */
export function addRedirect(netlink: Rtnetlink, link: LinkId, target: LinkId): void {
  const header = { index: link.index, parent: HANDLE.INGRESS, priority: 1, protocol: ETH_P.ALL };
  const options = encodeFields(U32_FIELDS, {
    classId: CLASS_ID,
    actions: { first: { kind: "mirred", options: encodeFields(MIRRED_FIELDS, { parameters: redirectTo(target) }) } },
    selector: EVERY_PACKET,
  });
  const payload = encodeFilter({ header, attributes: { kind: "u32", options } });
  const action = `redirect what link "${link.name}" receives to link "${target.name}"`;
  netlink.request({ type: RTM.NEWTFILTER, flags: NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK, payload, action });
}

function redirectTo({ index: link }: LinkId) {
  const fresh = { index: 0, capabilities: 0, references: 0, bindings: 0 };
  return { ...fresh, action: TC_ACT.STOLEN, direction: TCA_EGRESS.REDIR, link };
}
