import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { TC_H } from "../../../src/netlink/qdisc/header.ts";
import { decodeQdisc } from "../../../src/netlink/qdisc/message.ts";
import { supportsTokenBucket } from "../../../src/netlink/qdisc/support.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const kernel = (errno: number) =>
  new FakeNetlink(() => {
    throw new NetlinkError("ask", { errno });
  });

describe("supportsTokenBucket()", () => {
  test.each([
    [ERRNO.EINVAL, true],
    [ERRNO.EEXIST, true],
    [ERRNO.ENOENT, false],
    [ERRNO.EOPNOTSUPP, false],
  ])("makes of the kernel's errno %i %s", (errno, supported) => {
    expect(supportsTokenBucket(kernel(errno))).toBe(supported);
  });

  test("asks for one without settings on lo, which none can be, and is content if there is one all the same", () => {
    const netlink = new FakeNetlink();
    expect(supportsTokenBucket(netlink)).toBe(true);
    const { type, flags, payload, action } = netlink.onlyRequest;
    expect({ type, flags, action }).toEqual({
      type: RTM.NEWQDISC,
      flags: NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK,
      action: "ask for token bucket filters",
    });
    const { header, attributes } = decodeQdisc(payload);
    expect([header.index, header.parent, attributes]).toEqual([1, TC_H.ROOT, { kind: "tbf" }]);
  });

  test("throws what is no answer of the kernel's", () => {
    const failure = Object.assign(new Error("a bug"), { errno: ERRNO.EINVAL });
    const broken = new FakeNetlink(() => {
      throw failure;
    });
    expect(() => supportsTokenBucket(broken)).toThrow(failure);
  });

  test("throws where the kernel refuses to look", () => {
    expect(() => supportsTokenBucket(kernel(ERRNO.EPERM))).toThrow(NetlinkError);
  });
});
