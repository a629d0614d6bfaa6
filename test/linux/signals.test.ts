import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { openSignals, readSignal, SIGINT, SIGTERM } from "../../src/linux/signals.ts";
import { closeStream, openMemory, openStream } from "../../src/linux/stream.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libcServer } from "../../src/platform/libc.ts";

afterEach(() => void vi.restoreAllMocks());

/** The kernel's answers, by call; the signals of the tests' own process stay as they are. */
function answer({ mask, fd }: { mask: number; fd: number }) {
  vi.spyOn(libcServer(), "errno").mockReturnValue(22);
  return {
    hold: vi.spyOn(libcServer().functions, "sigprocmask").mockReturnValue(mask),
    open: vi.spyOn(libcServer().functions, "signalfd").mockReturnValue(fd),
  };
}

/** sigset_t: bit 0 is signal 1. <signal.h> */
function set(hex: string): Uint8Array {
  const bytes = new Uint8Array(128);
  bytes.set(Buffer.from(hex, "hex"));
  return bytes;
}

test.each([
  [[SIGINT, SIGTERM], set("0240")],
  [[1, 8, 9, 64], set("8101000000000080")],
  [[3, 4], set("0c")],
])("openSignals() holds back %j, and opens a descriptor for them", (signals, mask) => {
  const { hold, open } = answer({ mask: 0, fd: 7 });
  expect(openSignals(signals)).toBe(7);
  // SIG_BLOCK; SFD_NONBLOCK and SFD_CLOEXEC
  expect(hold).toHaveBeenCalledExactlyOnceWith(0, mask, null);
  expect(open).toHaveBeenCalledExactlyOnceWith(-1, mask, 0o2004000);
});

test("openSignals() throws the kernel's refusals", () => {
  const { open } = answer({ mask: -1, fd: 7 });
  const refusal = new LinuxError("hold signals back", { syscall: "sigprocmask", errno: 22 });
  expect(() => openSignals([SIGINT])).toThrow(refusal);
  expect(open).not.toHaveBeenCalled();
  answer({ mask: 0, fd: -1 });
  expect(() => openSignals([SIGINT])).toThrow(new LinuxError("wait for signals", { syscall: "signalfd", errno: 22 }));
});

test("readSignal() reads the number from a struct signalfd_siginfo", () => {
  const info = new Uint8Array(128).fill(0xff);
  info.set([15, 0, 0, 0]);
  const stream = { ...openStream("signals"), fd: openMemory(info) };
  expect(readSignal(stream.fd)).toBe(SIGTERM);
  expect(fs.readSync(stream.fd, Buffer.alloc(1))).toBe(0);
  closeStream(stream);
});
