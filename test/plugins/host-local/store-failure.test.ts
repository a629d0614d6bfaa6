import { describe, expect, test } from "vitest";
import { errnoOf, storeFailure } from "../../../plugins/host-local/store-failure.ts";
import { CniError } from "../../../src/cni/error.ts";
import { LinuxError } from "../../../src/platform/errno.ts";

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says`), { code });
}

describe("storeFailure()", () => {
  test.each([
    ["ENOSPC", 103, "no space left on device", "free some space or inodes on that file system"],
    ["EDQUOT", 103, "disk quota exceeded", "free some space or raise the quota"],
    [
      "EROFS",
      103,
      "read-only file system",
      "mount it writable, or, while no container runs, set ipam.dataDir to a writable folder",
    ],
    [
      "EACCES",
      103,
      "permission denied",
      "run as root, or, while no container runs, set ipam.dataDir to a writable folder",
    ],
    [
      "EPERM",
      103,
      "operation not permitted",
      "run as root, or, while no container runs, set ipam.dataDir to a writable folder",
    ],
    ["ENOTDIR", 103, "not a directory", "set ipam.dataDir to a folder, or move away the file that is in its place"],
    [
      "EEXIST",
      103,
      "a file is in its place",
      "set ipam.dataDir to a folder, or move away the file that is in its place",
    ],
    ["EIO", 103, "input/output error", "check the disk and the kernel's log"],
    ["EMFILE", 103, "too many open files", "raise the limit of open files"],
    ["ENOENT", 11, "somebody has just removed it", "try again"],
    ["ELOOP", 103, "too many symbolic links", "set ipam.dataDir to a folder, or mend the link that is in its place"],
    [
      "ENAMETOOLONG",
      103,
      "the name is too long",
      "give the network a shorter name, or set ipam.dataDir to a shorter path",
    ],
    ["EXDEV", 103, "EXDEV: as the system says", ""],
  ])("says what %s means and what to do", (errno, code, found, details) => {
    const cause = failure(errno);
    const error = storeFailure('read "/x"', cause);
    expect([error.code, error.message, error.details]).toEqual([code, `Cannot read "/x": ${found}`, details]);
    expect(error.cause).toBe(cause);
  });

  test("knows a quota by the number that the kernel answers with", () => {
    const error = storeFailure('write "/x"', new LinuxError("write", { syscall: "write", errno: 122 }));
    expect([error.message, error.details]).toEqual([
      'Cannot write "/x": disk quota exceeded',
      "free some space or raise the quota",
    ]);
  });

  test("passes a CniError on", () => {
    const error = new CniError("tryAgainLater", "busy");
    expect(storeFailure("read", error)).toBe(error);
  });
});

test.each([
  [failure("EIO"), "EIO"],
  [new Error("no system call"), undefined],
  [Object.assign(new Error("a number"), { code: 5 }), undefined],
  [{ code: "EIO" }, undefined],
  [undefined, undefined],
])("errnoOf(%o) is %s", (error, errno) => {
  expect(errnoOf(error)).toBe(errno);
});
