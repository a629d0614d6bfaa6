import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
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

afterEach(() => void vi.restoreAllMocks());

test("sysctls.list() has the names in a folder, and throws where there is none", () => {
  expect(sysctls.list("kernel")).toContain("ostype");
  expect(() => sysctls.list("net/missing")).toThrow(
    new LinuxError("list sysctls net/missing", { syscall: "open", errno: 2 }),
  );
});

test("sysctls.write() writes one line into a parameter that has another value, and closes it", () => {
  const written: unknown[] = [];
  vi.spyOn(fs, "openSync").mockImplementation((path, flags) => {
    written.push(path, flags);
    return 100_000;
  });
  vi.spyOn(fs, "writeSync").mockImplementation((fd: number, text: unknown) => written.push(fd, text));
  vi.spyOn(fs, "closeSync").mockImplementation((fd) => void written.push(fd));
  sysctls.write("kernel/ostype", "");
  // O_WRONLY, without O_CREAT
  expect(written).toEqual(["/proc/sys/kernel/ostype", 1, 100_000, "\n", 100_000]);
});

test("sysctls throw what is no answer of Linux's as it is", () => {
  const failure = new Error("a bug");
  vi.spyOn(fs, "readFileSync").mockImplementation(() => {
    throw failure;
  });
  expect(() => sysctls.read("kernel/ostype")).toThrow(failure);
  expect(() => sysctls.find("kernel/ostype")).toThrow(failure);
});
