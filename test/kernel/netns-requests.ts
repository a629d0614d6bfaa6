import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { NETNSA_NSID_NOT_ASSIGNED } from "../../src/netlink/netns/attributes.ts";
import { decodeNetns, encodeNetns } from "../../src/netlink/netns/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** RTM_GETNSID: the number of the namespace of a descriptor. */
export function requestNetnsId(
  machine: Machine,
  namespace: FakeNamespace,
  { payload }: NetlinkRequest,
): readonly Answer[] {
  const { fd } = decodeNetns(payload).attributes;
  if (fd === undefined) throw new Refusal(ERRNO.EINVAL);
  const id = namespace.findNumber(machine.byDescriptor(fd)) ?? NETNSA_NSID_NOT_ASSIGNED;
  return [{ type: RTM.NEWNSID, payload: encodeNetns({ header: {}, attributes: { id } }) }];
}
