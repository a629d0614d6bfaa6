import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { discard } from "../../src/linux/discard.ts";
import { ERRNO } from "../../src/platform/errno.ts";

afterEach(() => void vi.restoreAllMocks());

test("discard() closes a descriptor, once", () => {
  const fd = fs.openSync("/dev/null", "r");
  discard(fd);
  expect(() => discard(fd)).toThrow("EBADF");
});

test.each(["EIO", "EINTR"] as const)(
  "discard() ignores %s: the kernel gives the descriptor up all the same",
  (code) => {
    vi.spyOn(fs, "closeSync").mockImplementation(() => {
      throw Object.assign(new Error(code), { errno: -ERRNO[code] });
    });
    expect(() => discard(7)).not.toThrow();
  },
);
