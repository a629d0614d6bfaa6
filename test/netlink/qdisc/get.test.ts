import { expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { findQdisc } from "../../../src/netlink/qdisc/get.ts";
import { TC_H } from "../../../src/netlink/qdisc/header.ts";
import { decodeQdisc } from "../../../src/netlink/qdisc/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { captured } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const link = { index: 2, name: "veth0" };

test("findQdisc() asks for one place of one link", () => {
  const answer = captured("list-qdiscs", "received", RTM.NEWQDISC).filter(
    ({ payload }) => decodeQdisc(payload).header.index === 2,
  );
  const netlink = new FakeNetlink(() => answer);

  expect(findQdisc(netlink, link, TC_H.ROOT)).toMatchObject({ kind: "tbf" });
  const { type, flags, payload } = netlink.onlyRequest;
  expect({ type, flags }).toEqual({ type: RTM.GETQDISC, flags: NLM_F.ECHO | NLM_F.ACK });
  expect(netlink.onlyRequest.action).toBe('get a qdisc of link "veth0"');
  expect(decodeQdisc(payload)).toEqual({ header: { index: 2, handle: 0, parent: TC_H.ROOT, info: 0 }, attributes: {} });
});

test.each([
  ["the kernel keeps silent about one of its own", () => []],
  ["there is none", () => refuse(ERRNO.ENOENT)],
])("findQdisc() is undefined where %s", (_, answer) => {
  expect(findQdisc(new FakeNetlink(answer), link, TC_H.INGRESS)).toBeUndefined();
});

test("findQdisc() throws what else the kernel refuses", () => {
  expect(() => findQdisc(new FakeNetlink(() => refuse(ERRNO.ENODEV)), link, TC_H.ROOT)).toThrow(NetlinkError);
});

function refuse(errno: number): never {
  throw new NetlinkError("get a qdisc", { errno });
}
