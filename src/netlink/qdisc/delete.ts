import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeQdisc, type Qdisc } from "./message.ts";

/**
 * Deletes a qdisc with its filters, like `tc qdisc delete dev NAME root handle HANDLE`. @throws NetlinkError ENOENT or EINVAL if there
 * is none or another one, ENODEV without the link
 */
export function deleteQdisc(
  netlink: Rtnetlink,
  link: LinkId,
  { handle, parent }: Pick<Qdisc, "handle" | "parent">,
): void {
  const payload = encodeQdisc({ header: { index: link.index, handle, parent }, attributes: {} });
  const action = `delete a qdisc of link "${link.name}"`;
  netlink.request({ type: RTM.DELQDISC, flags: NLM_F.ACK, payload, action });
}
