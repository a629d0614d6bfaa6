import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { isOwnNetns } from "../../src/linux/own-netns.ts";

afterEach(() => void vi.restoreAllMocks());

test.each([
  ["/proc/self/ns/net", true],
  ["/proc/self/ns/mnt", false],
  ["/proc/self/status", false],
  ["/nonexistent", false],
])("isOwnNetns(): %s is %s", (path, isOwn) => {
  expect(isOwnNetns(path)).toBe(isOwn);
});

/** A path that leads to this namespace with a device or inode of its own. */
function namespaceWith(change: { dev?: bigint; ino?: bigint }): void {
  const { statSync } = fs;
  vi.spyOn(fs, "statSync").mockImplementation((path, ...options) => {
    const found = Reflect.apply(statSync, fs, ["/proc/thread-self/ns/net", ...options]);
    return path === "/run/netns/blue" ? Object.assign({}, found, change) : found;
  });
}

test("isOwnNetns() compares the inode and the file system that it is in", () => {
  namespaceWith({});
  expect(isOwnNetns("/run/netns/blue")).toBe(true);
  namespaceWith({ ino: 1n });
  expect(isOwnNetns("/run/netns/blue")).toBe(false);
  vi.restoreAllMocks();
  namespaceWith({ dev: 1n });
  expect(isOwnNetns("/run/netns/blue")).toBe(false);
});

test("isOwnNetns() does without /proc, and closes what it opens", () => {
  const { statSync } = fs;
  const before = fs.readdirSync("/proc/self/fd").length;
  vi.spyOn(fs, "statSync").mockImplementation((path, ...options) => {
    if (path === "/proc/thread-self/ns/net") throw new Error("ENOENT");
    return Reflect.apply(statSync, fs, [path, ...options]);
  });
  expect([isOwnNetns("/proc/self/ns/net"), isOwnNetns("/proc/self/ns/mnt")]).toEqual([true, false]);
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});
