import fs from "node:fs";
import { expect, test } from "vitest";
import { sysctls } from "../../src/linux/sysctl.ts";
import { LinuxError } from "../../src/platform/errno.ts";

test("sysctls.read() reads the value without the end of line", () => {
  expect(sysctls.read("kernel/ostype")).toBe("Linux");
});

test("sysctls.read() throws for an unknown parameter", () => {
  const refusal = new LinuxError("read sysctl net/ipv4/missing", { syscall: "open", errno: 2 });

  expect(() => sysctls.read("net/ipv4/missing")).toThrow(refusal);
});

test.each([
  ["unknown", "net/ipv4/missing"],
  ["a folder", "net/ipv4"],
])("sysctls.find() finds nothing where the parameter is %s", (_, path) => {
  expect(sysctls.find(path)).toBeUndefined();
  expect(sysctls.find("kernel/ostype")).toBe("Linux");
});

test("sysctls.write() says that there is no such parameter", () => {
  const refusal = new LinuxError('write "1" to sysctl net/ipv4/missing', { syscall: "open", errno: 2 });

  expect(() => sysctls.write("net/ipv4/missing", "1")).toThrow(refusal);
});

test("sysctls.write() does not write what is there already: this parameter cannot be written", () => {
  expect(fs.statSync("/proc/sys/kernel/ostype").mode & 0o222).toBe(0);

  sysctls.write("kernel/ostype", "Linux");
});

test("sysctls.writeUnread() writes what is there already: this parameter cannot be written", () => {
  expect(() => sysctls.writeUnread("kernel/ostype", "Linux")).toThrow('Cannot write "Linux" to sysctl kernel/ostype');
});

test("sysctls.write() throws when it cannot write", () => {
  expect(() => sysctls.write("kernel/ostype", "Plan 9")).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^Cannot write "Plan 9" to sysctl kernel\/ostype: /) }),
  );
});
