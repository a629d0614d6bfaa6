import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { decoderOf, encodeFields } from "../../src/netlink/fields.ts";
import { MIRRED_FIELDS, U32_FIELDS } from "../../src/netlink/filter/attributes.ts";
import { decodeFilter, encodeFilter, readFilter } from "../../src/netlink/filter/message.ts";
import { HANDLE, TC_H } from "../../src/netlink/qdisc/header.ts";
import { decodeQdisc, encodeQdisc, type QdiscMessage, readQdisc } from "../../src/netlink/qdisc/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import { type FakeLink, isUp } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace, FilterMessage } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** What the kernel gives a link of a kind itself when it comes up, where that is not "noqueue". */
const OWN_QDISC: Readonly<Record<string, string>> = { ifb: "pfifo_fast" };

/** RTM_NEWQDISC. @throws Refusal ENODEV, ENOENT for a kind that the kernel has not got, EEXIST, EINVAL */
export function requestNewQdisc({ features }: Machine, namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const qdisc = decodeQdisc(payload);
  const { header, attributes } = qdisc;
  requireLink(namespace, header.index);
  const { kind = "" } = attributes;
  if (findQdisc(namespace, header) !== undefined) {
    throw new Refusal(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  }
  if (!features.qdiscs.has(kind)) throw new Refusal(ERRNO.ENOENT, "Specified qdisc kind is unknown");
  if (kind === "tbf" && !hasBucket(payload)) throw new Refusal(ERRNO.EINVAL);
  namespace.qdiscs = [...namespace.qdiscs, qdisc];
  if (header.parent === TC_H.INGRESS) namespace.ingressed.add(header.index);
}

/** RTM_DELQDISC, with the filters in it. @throws Refusal ENODEV, ENOENT, EINVAL */
export function requestDeleteQdisc(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const { header } = decodeQdisc(payload);
  requireLink(namespace, header.index);
  const found = findQdisc(namespace, header);
  if (found === undefined) {
    const hasPlace = header.parent === TC_H.ROOT || namespace.ingressed.has(header.index);
    if (hasPlace && header.handle !== 0) throw new Refusal(ERRNO.EINVAL, "Invalid handle");
    if (header.parent === TC_H.INGRESS)
      throw new Refusal(ERRNO.ENOENT, "Cannot find specified qdisc on specified device");
    throw new Refusal(ERRNO.ENOENT, "Cannot delete qdisc with handle of zero");
  }
  if (header.handle !== 0 && header.handle !== found.header.handle) throw new Refusal(ERRNO.EINVAL, "Invalid handle");
  namespace.qdiscs = namespace.qdiscs.filter((each) => each !== found);
  if (header.parent !== TC_H.INGRESS) return;
  namespace.filters = namespace.filters.filter((each) => each.header.index !== header.index);
}

/** RTM_GETQDISC: the discipline at a place; of a link that has never been up there is nothing to tell. @throws Refusal ENODEV, ENOENT */
export function requestQdisc(namespace: FakeNamespace, { payload }: NetlinkRequest): readonly Answer[] {
  const { header } = decodeQdisc(payload);
  const link = requireLink(namespace, header.index);
  const found = findQdisc(namespace, header);
  if (found !== undefined) return [{ type: RTM.NEWQDISC, payload: encodeQdisc(found) }];
  if (header.parent === TC_H.ROOT) {
    const own = {
      header: { index: header.index, parent: TC_H.ROOT },
      attributes: { kind: OWN_QDISC[link.kind] ?? "noqueue" },
    };
    return isUp(link) ? [{ type: RTM.NEWQDISC, payload: encodeQdisc(own) }] : [];
  }
  throw new Refusal(ERRNO.ENOENT, "Cannot find specified qdisc on specified device");
}

/** RTM_NEWTFILTER. @throws Refusal ENODEV, EINVAL without the qdisc, EEXIST */
export function requestNewFilter(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const filter = decodeFilter(payload);
  const { index, parent } = filter.header;
  requireLink(namespace, index);
  const qdisc = namespace.qdiscs.find((each) => each.header.index === index && each.header.handle === parent);
  if (qdisc === undefined) throw new Refusal(ERRNO.EINVAL, "Parent Qdisc doesn't exists");
  const { redirect } = readFilter(payload);
  if (redirect !== undefined && !namespace.links.has(redirect)) throw new Refusal(ERRNO.ENODEV);
  namespace.filters = [...namespace.filters, filter];
}

/** RTM_GETTFILTER: a list; none without the qdisc. Of a u32 filter the kernel tells its hash tables as well. */
export function requestFilters(namespace: FakeNamespace, { payload }: NetlinkRequest): readonly Answer[] {
  const { header } = decodeFilter(payload);
  const wanted = namespace.filters.filter(({ header: { index, parent } }) => {
    return index === header.index && (header.parent === 0 || parent === header.parent);
  });
  return wanted.flatMap((filter) => {
    const { kind } = filter.attributes;
    const table = { header: filter.header, attributes: { kind } };
    const told = kind === "u32" ? [table, table, told32(namespace, filter)] : [filter];
    return told.map((each) => ({ type: RTM.NEWTFILTER, payload: encodeFilter(each) }));
  });
}

/** Where the link is gone that packets are sent to, its index is 0. */
function told32(namespace: FakeNamespace, filter: FilterMessage): FilterMessage {
  const { options = new Uint8Array(), kind } = filter.attributes;
  const { redirect } = readFilter(encodeFilter(filter));
  if (redirect === undefined || namespace.links.has(redirect)) return filter;
  const { actions, ...rest } = decoderOf(U32_FIELDS)(options);
  const { parameters } = decoderOf(MIRRED_FIELDS)(actions?.first?.options ?? new Uint8Array());
  const gone = encodeFields(MIRRED_FIELDS, { parameters: parameters && { ...parameters, link: 0 } });
  const first = { kind: "mirred", options: gone };
  return {
    header: filter.header,
    attributes: { kind, options: encodeFields(U32_FIELDS, { ...rest, actions: { first } }) },
  };
}

/** By its place, and of the root by nothing else. The kernel's name of the ingress qdisc's place is its own handle. */
function findQdisc(namespace: FakeNamespace, header: QdiscMessage["header"]): QdiscMessage | undefined {
  const place = header.parent === HANDLE.INGRESS ? TC_H.INGRESS : header.parent;
  return namespace.qdiscs.find((each) => each.header.index === header.index && each.header.parent === place);
}

function hasBucket(payload: Uint8Array): boolean {
  const { tokenBucket } = readQdisc(payload);
  return tokenBucket !== undefined && tokenBucket.buffer > 0;
}

function requireLink(namespace: FakeNamespace, index: number): FakeLink {
  const link = namespace.links.get(index);
  if (link === undefined) throw new Refusal(ERRNO.ENODEV);
  return link;
}
