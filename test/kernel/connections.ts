import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { CTA_FILTER_F } from "../../src/netlink/conntrack/attributes.ts";
import { connectionType, IPCTNL_MSG } from "../../src/netlink/conntrack/header.ts";
import { decodeConnection, encodeConnection } from "../../src/netlink/conntrack/message.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** Answers requests about tracked connections. A deleted one is kept in `deletedConnections`. @throws Refusal ENOENT, EINVAL */
export function answerConntrack(namespace: FakeNamespace, { type, payload }: NetlinkRequest): readonly Answer[] {
  const { family, attributes } = decodeConnection(payload);
  if (type === connectionType(IPCTNL_MSG.CT_GET)) {
    const wanted = attributes.original?.proto ?? {};
    const bits = attributes.filter?.original ?? 0;
    return namespace.connections
      .filter((each) => each.message.family === family)
      .filter((each) => (bits & CTA_FILTER_F.PROTO_NUM) === 0 || each.protocol === wanted.protocol)
      .filter((each) => {
        const isAsked = (bits & CTA_FILTER_F.PROTO_DST_PORT) !== 0;
        return !isAsked || each.original.destinationPort === wanted.destinationPort;
      })
      .map(({ message }) => ({ type: connectionType(IPCTNL_MSG.CT_NEW), payload: encodeConnection(message) }));
  }
  if (type !== connectionType(IPCTNL_MSG.CT_DELETE)) throw new Refusal(ERRNO.EINVAL);
  const found = namespace.connections.find(({ message }) => message.attributes.id === attributes.id);
  if (found === undefined) throw new Refusal(ERRNO.ENOENT);
  namespace.connections = namespace.connections.filter((each) => each !== found);
  namespace.deletedConnections.push(found);
  return [];
}
