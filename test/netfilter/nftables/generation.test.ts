import { expect, test } from "vitest";
import { decodeGeneration, getGeneration } from "../../../src/netfilter/nftables/generation.ts";
import { supportsNftables } from "../../../src/netfilter/nftables/support.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { captured } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

test("getGeneration asks as iptables-nft does, and reads the kernel's answer", () => {
  const [sent] = captured("generation", "sent", "GETGEN");
  const answering = fakeNetlink({
    request: (request) => {
      expect(request).toMatchObject({ type: sent?.type, flags: 0, payload: sent?.payload });
      return captured("generation", "received", "NEWGEN").slice(0, 1);
    },
  });
  expect(getGeneration(answering)).toBe(22);
});

test("decodeGeneration refuses an answer without a number", () => {
  expect(() => decodeGeneration(Uint8Array.of(0, 0, 0, 0))).toThrow(
    "Cannot decode the nftables generation: it has no number",
  );
});

const refusing = (errno: number) =>
  fakeNetlink({
    request: ({ action }) => {
      throw new NetlinkError(action, { errno });
    },
  });

test("supportsNftables is true where the kernel answers, false where it does not know the question", () => {
  const netlink = fakeNetlink({ request: () => captured("generation", "received", "NEWGEN").slice(0, 1) });
  expect(supportsNftables(netlink)).toBe(true);
  expect(supportsNftables(refusing(ERRNO.EINVAL))).toBe(false);
  expect(supportsNftables(refusing(ERRNO.EOPNOTSUPP))).toBe(false);
});

test("supportsNftables does not guess without the privilege to ask", () => {
  expect(() => supportsNftables(refusing(ERRNO.EPERM))).toThrow(
    "Cannot ask for the nftables generation: Operation not permitted",
  );
});
