import { afterEach, expect, test, vi } from "vitest";
import { randomBytes } from "../../src/linux/random.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

afterEach(() => void vi.restoreAllMocks());

test("randomBytes() returns as many as asked for, others each time", () => {
  const [one, other] = [randomBytes(32), randomBytes(32)];
  expect([one.length, other.length]).toEqual([32, 32]);
  expect(one).not.toEqual(other);
});

test.each([-1, 31])("randomBytes() throws where the kernel gives %i of 32", (given) => {
  vi.spyOn(libc().functions, "getrandom").mockReturnValue(given);
  vi.spyOn(libc(), "errno").mockReturnValue(38);
  expect(() => randomBytes(32)).toThrow(new LinuxError("get random bytes", { syscall: "getrandom", errno: 38 }));
});
