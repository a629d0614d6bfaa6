import { expect, test } from "vitest";
import { deleteQdisc } from "../../../src/netlink/qdisc/delete.ts";
import { HANDLE, TC_H } from "../../../src/netlink/qdisc/header.ts";
import { decodeQdisc } from "../../../src/netlink/qdisc/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test.each([
  { name: "delete-tbf", which: { handle: HANDLE.TOKEN_BUCKET, parent: TC_H.ROOT }, kind: undefined },
  // The kind is what `tc` was told; the kernel compares it where it is given.
  { name: "delete-ingress", which: { handle: HANDLE.INGRESS, parent: TC_H.INGRESS }, kind: "ingress" },
])("deleteQdisc() sends what `tc qdisc delete` sends: $name", ({ name, which, kind }) => {
  const netlink = new FakeNetlink();
  const sent = decodeQdisc(lastOf(name, "sent", RTM.DELQDISC).payload);

  deleteQdisc(netlink, { index: 2, name: "veth0" }, which);

  const { type, payload, action } = netlink.onlyRequest;
  expect({ type, action }).toEqual({ type: RTM.DELQDISC, action: 'delete a qdisc of link "veth0"' });
  expect(decodeQdisc(payload).header).toEqual(sent.header);
  expect(sent.attributes.kind).toBe(kind);
});
