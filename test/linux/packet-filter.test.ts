import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attachFilter, icmp6Types, type PacketFilter, udpTo } from "../../src/linux/packet-filter.ts";
import { receiveAll } from "../../src/linux/receive-all.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { type Datagrams, openDatagrams } from "./datagrams.ts";

let datagrams: Datagrams;

beforeEach(() => {
  datagrams = openDatagrams();
});

afterEach(() => datagrams.close());

/** Whether the kernel lets a packet through the filter; it must not cut it then. */
function passes(filter: PacketFilter, hex: string): boolean {
  attachFilter(datagrams.receiver, filter);
  const packet = Buffer.from(hex.replaceAll(" ", ""), "hex");
  // The sender of a packet that a filter drops hears of it: EPERM.
  try {
    datagrams.send(packet);
  } catch (error) {
    if (!(error instanceof LinuxError && error.code === "EPERM")) throw error;
  }
  const [found] = receiveAll(datagrams.receiver, 0);
  if (found !== undefined) expect(Buffer.from(found.bytes)).toEqual(packet);
  return found !== undefined;
}

describe("udpTo()", () => {
  /** An IPv4 header, with its first byte, fragment and protocol. RFC 791 */
  const header = (fragment: string, protocol: string, first = "45") =>
    `${first}000020 0001${fragment} 40${protocol}0000 0a000001 0a000002`;

  test.each([
    ["UDP to the port", `${header("0000", "11")} 0043 0044 000c 0000 01020304`, true],
    ["UDP to the port behind options", `${header("0000", "11", "46")} 00000000 0043 0044 000c 0000`, true],
    ["UDP that must not be cut", `${header("4000", "11")} 0043 0044 000c 0000`, true],
    ["UDP to another port", `${header("0000", "11")} 0044 0043 000c 0000`, false],
    ["TCP to the port", `${header("0000", "06")} 0043 0044 000c 0000`, false],
    ["a later fragment, which has no port", `${header("0001", "11")} 0043 0044 000c 0000`, false],
    ["a later fragment far behind", `${header("1000", "11")} 0043 0044 000c 0000`, false],
  ])("of %s: %s", (_, packet, isAccepted) => {
    expect(passes(udpTo(68), packet)).toBe(isAccepted);
  });
});

describe("icmp6Types()", () => {
  /** An IPv6 header with the protocol behind it. RFC 8200 */
  const header = (protocol: string) => `60000000 0008${protocol}ff ${"00".repeat(32)}`;

  test.each([
    ["the first type", `${header("3a")} 87000000 00000000`, true],
    ["the second type", `${header("3a")} 88000000 00000000`, true],
    ["another type", `${header("3a")} 86000000 00000000`, false],
    ["a type between them of UDP", `${header("11")} 87000000 00000000`, false],
  ])("of %s: %s", (_, packet, isAccepted) => {
    expect(passes(icmp6Types([0x87, 0x88]), packet)).toBe(isAccepted);
  });
});

test("attachFilter() throws the kernel's refusal", () => {
  const refusal = expect.objectContaining({ code: "EBADF", syscall: "setsockopt" });
  expect(() => attachFilter(-1, udpTo(68))).toThrow(refusal);
  expect(() => attachFilter(datagrams.receiver, [])).toThrow(expect.objectContaining({ code: "EINVAL" }));
});
