import { afterEach, expect, test, vi } from "vitest";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libcClock } from "../../src/platform/libc.ts";

afterEach(() => void vi.restoreAllMocks());

test("readBootClock() asks for the clock that goes on while the machine sleeps, and tells whole milliseconds", () => {
  const read = vi.spyOn(libcClock().functions, "clock_gettime").mockImplementation((_, time) => {
    time?.set(Buffer.from("0500000000000000ffc99a3b00000000", "hex"));
    return 0;
  });
  expect(readBootClock()).toBe(5_999);
  expect(read).toHaveBeenCalledExactlyOnceWith(7, expect.any(Uint8Array));
});

test("readBootClock() throws the kernel's refusal", () => {
  vi.spyOn(libcClock().functions, "clock_gettime").mockReturnValue(-1);
  vi.spyOn(libcClock(), "errno").mockReturnValue(22);
  expect(readBootClock).toThrow(new LinuxError("read the clock", { syscall: "clock_gettime", errno: 22 }));
});
