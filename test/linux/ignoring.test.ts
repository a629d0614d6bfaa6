import { expect, it } from "vitest";
import { ignoring } from "../../src/linux/ignoring.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";

const refusal = (errno: number) => new LinuxError("delete link", { syscall: "netlink", errno });

function failing(error: Error) {
  return (): never => {
    throw error;
  };
}

it("ignoring() returns what the act returns", () => {
  expect(ignoring([ERRNO.ENODEV], () => 7)).toBe(7);
});

it("ignoring() returns undefined for the error numbers that it is given", () => {
  expect(ignoring([ERRNO.ENODEV, ERRNO.ENOENT], failing(refusal(ERRNO.ENOENT)))).toBeUndefined();
});

it.each([
  ["another error number", refusal(ERRNO.EPERM)],
  ["an error without a number", new Error("a bug")],
])("ignoring() throws %s", (_, error) => {
  expect(() => ignoring([ERRNO.ENODEV], failing(error))).toThrow(error);
});
