import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { addTap, hasTunDevice } from "../../src/linux/tun.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";
import { hexOf } from "../netlink/captured.ts";

const FD = 100_000;
const TAP = { name: "tap0", multiQueue: false, owner: undefined, group: undefined };

afterEach(() => void vi.restoreAllMocks());

test("hasTunDevice() says whether the host has the device", () => {
  expect(hasTunDevice()).toBe(fs.existsSync("/dev/net/tun"));
});

describe("addTap()", () => {
  let asked: string[];
  let closed: number[];
  /** The request that the kernel refuses. <linux/if_tun.h> */
  let refused: number;

  beforeEach(() => {
    [asked, closed, refused] = [[], [], 0];
    vi.spyOn(fs, "openSync").mockImplementation((path, flags) => {
      asked.push(`open ${path} ${Number(flags).toString(8)}`);
      return FD;
    });
    vi.spyOn(fs, "closeSync").mockImplementation((fd) => void closed.push(fd));
    vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.EBUSY);
    vi.spyOn(libc().functions, "ioctl").mockImplementation((fd, what, argument) => {
      const text = argument instanceof Uint8Array ? hexOf(argument.slice(0, 18)) : argument;
      asked.push(`${fd === FD} ${what.toString(16)} ${text}`);
      return what === refused ? -1 : 0;
    });
  });

  /** struct ifreq: the name, and IFF_TAP, IFF_NO_PI, IFF_VNET_HDR and IFF_TUN_EXCL. */
  const named = (flags: string) => `true 400454ca ${"74617030".padEnd(32, "0")}${flags}`;

  test("makes a tap that stays, with the header of virtio, and only if the name is free", () => {
    addTap(TAP);
    // O_RDWR, O_NONBLOCK and O_CLOEXEC; TUNSETPERSIST
    expect(asked).toEqual(["open /dev/net/tun 2004002", named("02d0"), "true 400454cb 1"]);
    expect(closed).toEqual([FD]);
  });

  test("sets its queues, its owner and its group before it is to stay", () => {
    addTap({ ...TAP, multiQueue: true, owner: 0, group: 107 });
    expect(asked.slice(1)).toEqual([named("02d1"), "true 400454cc 0", "true 400454ce 107", "true 400454cb 1"]);
  });

  test("cuts a name of more than 15 bytes, as the kernel does", () => {
    addTap({ ...TAP, name: "x".repeat(20) });
    expect(asked[1]).toBe(`true 400454ca ${"78".repeat(15)}0002d0`);
  });

  test.each([
    [0x400454ca, 'add tap "tap0"'],
    [0x400454cc, 'set the owner of tap "tap0"'],
    [0x400454ce, 'set the group of tap "tap0"'],
    [0x400454cb, 'keep tap "tap0"'],
  ])("throws what the kernel refuses, and leaves no tap: %i", (what, action) => {
    refused = what;
    expect(() => addTap({ ...TAP, owner: 1, group: 2 })).toThrow(
      new LinuxError(action, { syscall: "ioctl", errno: ERRNO.EBUSY }),
    );
    expect(closed).toEqual([FD]);
    expect(asked.at(-1)).toContain(what.toString(16));
  });

  test.each([
    [Object.assign(new Error("none"), { errno: -2 }), ERRNO.ENOENT],
    [new Error("a bug"), ERRNO.EIO],
  ])("throws that there is no device: %s", (cause, errno) => {
    vi.spyOn(fs, "openSync").mockImplementation(() => {
      throw cause;
    });
    expect(() => addTap(TAP)).toThrow(
      new LinuxError('add tap "tap0": open /dev/net/tun', { syscall: "open", errno, cause }),
    );
    expect(closed).toEqual([]);
  });
});
