import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { supportsTokenBucket } from "../../../src/netlink/qdisc/support.ts";
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

  test("throws where the kernel refuses to look", () => {
    expect(() => supportsTokenBucket(kernel(ERRNO.EPERM))).toThrow(NetlinkError);
  });
});
