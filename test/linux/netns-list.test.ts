import fs from "node:fs";
import { expect, test } from "vitest";
import { listOtherNamespaces } from "../../src/linux/netns-list.ts";

test("listOtherNamespaces() has each namespace once, and not its own", () => {
  const identify = (path: string) => {
    const { dev, ino } = fs.statSync(path);
    return `${dev} ${ino}`;
  };
  const found = listOtherNamespaces()
    .filter((path) => fs.existsSync(path))
    .map(identify);
  expect(new Set(found).size).toBe(found.length);
  expect(found).not.toContain(identify("/proc/self/ns/net"));
});
