import { AF } from "../../src/linux/socket.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { decoderOf } from "../../src/netlink/fields.ts";
import { LINK_HEADER_SIZE } from "../../src/netlink/link/header.ts";
import { KEPT_FIELDS } from "../../src/netlink/link/kept-settings.ts";
import { decodeLink, type LinkMessage } from "../../src/netlink/link/message.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { type Answer, isDump } from "./answer.ts";
import { type FakeLink, findByName } from "./link.ts";
import { changeBridge, changeLink } from "./link-changes.ts";
import { makeLink, removeLink, targetOf } from "./link-making.ts";
import { describeLink } from "./link-message.ts";
import { validateLink } from "./link-validation.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { changePort, deletePortVlans } from "./port-requests.ts";
import { Refusal } from "./refusal.ts";

const decodeKept = decoderOf(KEPT_FIELDS);

/** RTM_NEWLINK: makes a link, or changes one that is there. */
export function requestNewLink(machine: Machine, namespace: FakeNamespace, { flags, payload }: NetlinkRequest): void {
  const message = decodeLink(payload);
  const { info } = message.attributes;
  validateLink(machine, message.attributes);
  // A link that is made in another namespace has its name there.
  const target = targetOf(machine, namespace, message.attributes);
  const link = find(target, message) ?? (machine.features.namesInBoth ? find(namespace, message) : undefined);
  if (link === undefined) {
    if ((flags & NLM_F.CREATE) === 0) throw new Refusal(ERRNO.ENODEV);
    makeLink(machine, namespace, message);
    return;
  }
  if ((flags & NLM_F.EXCL) !== 0) throw new Refusal(ERRNO.EEXIST);
  if (info?.kind !== undefined && info.kind !== link.kind) throw new Refusal(ERRNO.EOPNOTSUPP);
  if (info?.data !== undefined) changeBridge(machine, link, info.data);
  changeLink(machine, namespace, link, message);
}

/** RTM_SETLINK: changes a link, or of the bridge family a bridge's port. */
export function requestSetLink(machine: Machine, namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const message = decodeLink(payload);
  validateLink(machine, message.attributes);
  const link = get(namespace, message);
  if (message.header.family === AF.BRIDGE) changePort(machine, namespace, link, message);
  else {
    changeLink(machine, namespace, link, message);
    keepSettings(link, payload);
  }
}

/** Keeps what stays with a link that moves. A program's descriptor of -1 detaches it. */
function keepSettings(link: FakeLink, payload: Uint8Array): void {
  const {
    unknown: _,
    transmitQueueLength,
    group,
    xdp = link.kept.xdp,
    ...settings
  } = decodeKept(payload, LINK_HEADER_SIZE);
  link.kept = { ...link.kept, ...settings, xdp: xdp?.fd === -1 ? undefined : xdp };
}

/** RTM_DELLINK: deletes a link, or of the bridge family VLANs of a port. */
export function requestDeleteLink(machine: Machine, namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const message = decodeLink(payload);
  const link = get(namespace, message);
  if (message.header.family === AF.BRIDGE) deletePortVlans(machine, link, message);
  else if (link.kind === "") throw new Refusal(ERRNO.EOPNOTSUPP);
  else removeLink(machine, namespace, link);
}

/** RTM_GETLINK: one link, or a list of those of a master or a kind. */
export function requestLinks(machine: Machine, namespace: FakeNamespace, request: NetlinkRequest): readonly Answer[] {
  const message = decodeLink(request.payload);
  validateLink(machine, message.attributes);
  const describe = (link: FakeLink) => ({ type: RTM.NEWLINK, payload: describeLink(machine, namespace, link) });
  if (!isDump(request)) return [describe(get(namespace, message))];
  const { master, info } = message.attributes;
  // The kernel does not filter by a kind that it has not got.
  const kind = machine.features.kinds.has(info?.kind ?? "") ? info?.kind : undefined;
  return [...namespace.links.values()]
    .filter((link) => master === undefined || link.master === master)
    .filter((link) => kind === undefined || link.kind === kind)
    .map(describe);
}

function get(namespace: FakeNamespace, message: LinkMessage): FakeLink {
  const link = find(namespace, message);
  if (link === undefined) throw new Refusal(ERRNO.ENODEV);
  return link;
}

function find(namespace: FakeNamespace, { header, attributes }: LinkMessage): FakeLink | undefined {
  if (header.index !== undefined && header.index !== 0) return namespace.links.get(header.index);
  const name = attributes.name ?? attributes.otherName;
  return name === undefined ? undefined : findByName(namespace, name);
}
