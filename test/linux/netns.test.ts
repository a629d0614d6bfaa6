import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openNetns } from "../../src/linux/netns.ts";

const count = () => fs.readdirSync("/proc/self/fd").length;

test("openNetns() opens a network namespace", () => {
  const fd = openNetns("/proc/self/ns/net");

  expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(fs.readlinkSync("/proc/self/ns/net"));
  fs.closeSync(fd);
});

test.each([
  ["ENOENT", "/nonexistent/netns", 'Cannot open netns "/nonexistent/netns": No such file or directory'],
  ["ENOTDIR", "/proc/self/status/x", 'Cannot open netns "/proc/self/status/x": Not a directory'],
  ["ENOENT", "", 'Cannot open netns "": No such file or directory'],
])("openNetns() throws %s for %s", (code, netns, message) => {
  expect(() => openNetns(netns)).toThrow(expect.objectContaining({ code, message }));
});

test("openNetns() throws EINVAL for a file that is no namespace, and leaves nothing open", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "netns-"));
  const file = path.join(folder, "plain");
  fs.writeFileSync(file, "");
  const before = count();

  expect(() => openNetns(file)).toThrow(
    expect.objectContaining({
      code: "EINVAL",
      message: expect.stringMatching(
        /^Cannot open netns ".*\/plain": not a network namespace \(file system type 0x\w+\)$/,
      ),
    }),
  );
  expect(count()).toBe(before);
  fs.rmSync(folder, { recursive: true });
});
