import fs from "node:fs";
import { expect, test } from "vitest";
import { LinuxError } from "../../src/linux/errno.ts";
import { findSysctl, readSysctl, writeSysctl, writeSysctlUnread } from "../../src/linux/sysctl.ts";

test("readSysctl() reads the value without the end of line", () => {
  expect(readSysctl("kernel/ostype")).toBe("Linux");
});

test("readSysctl() throws for an unknown parameter", () => {
  const refusal = new LinuxError("read sysctl net/ipv4/missing", { syscall: "open", errno: 2 });

  expect(() => readSysctl("net/ipv4/missing")).toThrow(refusal);
});

test.each([
  ["unknown", "net/ipv4/missing"],
  ["a folder", "net/ipv4"],
])("findSysctl() finds nothing where the parameter is %s", (_, path) => {
  expect(findSysctl(path)).toBeUndefined();
  expect(findSysctl("kernel/ostype")).toBe("Linux");
});

test("writeSysctl() says that there is no such parameter", () => {
  const refusal = new LinuxError('write "1" to sysctl net/ipv4/missing', { syscall: "open", errno: 2 });

  expect(() => writeSysctl("net/ipv4/missing", "1")).toThrow(refusal);
});

test("writeSysctl() does not write what is there already: this parameter cannot be written", () => {
  expect(fs.statSync("/proc/sys/kernel/ostype").mode & 0o222).toBe(0);

  writeSysctl("kernel/ostype", "Linux");
});

test("writeSysctlUnread() writes what is there already: this parameter cannot be written", () => {
  expect(() => writeSysctlUnread("kernel/ostype", "Linux")).toThrow('Cannot write "Linux" to sysctl kernel/ostype');
});

test("writeSysctl() throws when it cannot write", () => {
  expect(() => writeSysctl("kernel/ostype", "Plan 9")).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^Cannot write "Plan 9" to sysctl kernel\/ostype: /) }),
  );
});
