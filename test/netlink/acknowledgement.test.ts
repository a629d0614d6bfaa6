import { describe, expect, test } from "vitest";
import { decodeAcknowledgement, NetlinkError, refusals } from "../../src/netlink/acknowledgement.ts";
import { NLMSG } from "../../src/netlink/message.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { bytesOf, lastOf } from "./captured.ts";

describe("decodeAcknowledgement()", () => {
  test("reads success", () => {
    expect(decodeAcknowledgement(lastOf("add-bridge", "received", NLMSG.ERROR))).toStrictEqual({ errno: 0 });
  });

  test("reads an error without an explanation", () => {
    expect(decodeAcknowledgement(lastOf("add-bridge-again", "received", NLMSG.ERROR))).toEqual({ errno: 17 });
  });

  test("reads the explanation behind the quoted request", () => {
    expect(decodeAcknowledgement(lastOf("add-nonsense", "received", NLMSG.ERROR))).toEqual({
      errno: 95,
      text: "Unknown device type",
    });
  });

  test("reads the explanation behind the quoted header of a socket with NETLINK_CAP_ACK", () => {
    const quoted = "3c0000001000050600000000" + "00000000";
    const explanation = `0c000100${"4e6f74206d6500".padEnd(16, "0")}`;
    const payload = bytesOf(`a1ffffff${quoted}${explanation}0800020024000000`);

    expect(decodeAcknowledgement({ type: NLMSG.ERROR, flags: 0x300, sequence: 1, port: 1, payload })).toEqual({
      errno: 95,
      text: "Not me",
      offset: 36,
    });
  });

  test("reads the end of a list, which quotes nothing", () => {
    expect(decodeAcknowledgement(lastOf("list-addresses", "received", NLMSG.DONE))).toEqual({ errno: 0 });
  });

  test("reads the explanation at the end of a list, and has nothing of what the kernel does not say", () => {
    const payload = bytesOf("00000000" + "0800010061620000");
    const end = { type: NLMSG.DONE, flags: 0x202, sequence: 1, port: 1, payload };

    expect(decodeAcknowledgement(end)).toStrictEqual({ errno: 0, text: "ab" });
    expect(decodeAcknowledgement({ ...end, payload: bytesOf("00000000") })).toStrictEqual({ errno: 0 });
  });

  test("throws RangeError for an explanation without the header that it is about", () => {
    const message = { type: NLMSG.ERROR, flags: 0x300, sequence: 1, port: 1, payload: new Uint8Array(19) };

    expect(() => decodeAcknowledgement(message)).toThrow(
      new RangeError("Cannot decode struct nlmsgerr: 19 bytes, must be at least 20"),
    );
  });

  test("throws RangeError for a message without an errno", () => {
    const message = { type: NLMSG.ERROR, flags: 0, sequence: 1, port: 1, payload: bytesOf("0000") };

    expect(() => decodeAcknowledgement(message)).toThrow(
      new RangeError("Cannot decode an acknowledgement: 2 bytes, must be at least 4"),
    );
  });
});

describe("NetlinkError", () => {
  test("says what was not possible, why, and how the kernel explains it", () => {
    const error = new NetlinkError("add route 10.0.0.0/8", { errno: 101, text: "Nexthop has invalid gateway" });

    expect(error).toMatchObject({
      name: "NetlinkError",
      message: "Cannot add route 10.0.0.0/8: Network is unreachable (Nexthop has invalid gateway)",
      errno: 101,
      code: "ENETUNREACH",
      syscall: "netlink",
      explanation: "Nexthop has invalid gateway",
    });
  });

  test("does without an explanation", () => {
    expect(new NetlinkError("add route 10.0.0.0/8", { errno: 17 })).toMatchObject({
      message: "Cannot add route 10.0.0.0/8: File exists",
      code: "EEXIST",
      explanation: undefined,
    });
  });
});

test("refusals() knows the kernel's answers with these error numbers alone", () => {
  const isRefusal = refusals(2, 17);

  expect(isRefusal(new NetlinkError("add link", { errno: 17 }))).toBe(true);
  expect(isRefusal(new NetlinkError("add link", { errno: 1 }))).toBe(false);
  expect(isRefusal(new LinuxError("open netns", { syscall: "open", errno: 2 }))).toBe(false);
});
