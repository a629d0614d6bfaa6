import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { fakeWorld, SCENES } from "./scenes/all.ts";
import { children } from "./scenes/children.ts";
import { vlans } from "./scenes/vlans.ts";
import { vrfs } from "./scenes/vrfs.ts";

const FOLDER = path.join(import.meta.dirname, "../captures/kernel");

/** What a real kernel answered, as test/live/kernel-fake.test.ts (of VLANs test/vm/kernel-fake.test.ts) wrote it down. */
function recorded(name: string): unknown {
  const { answers } = JSON.parse(fs.readFileSync(path.join(FOLDER, `${name}.json`), "utf8"));
  return answers;
}

describe("the kernel in memory answers as a real one did", () => {
  test.each(Object.entries(SCENES))("%s", (name, scene) => {
    expect(scene(fakeWorld({ vlanFiltering: false }))).toEqual(recorded(name));
  });

  test("children", () => {
    expect(children(fakeWorld({ vlanFiltering: true }))).toEqual(recorded("children"));
  });

  test("vrfs", () => {
    expect(vrfs(fakeWorld({ vlanFiltering: true }))).toEqual(recorded("vrfs"));
  });

  test("vlans", () => {
    expect(vlans(fakeWorld({ vlanFiltering: true }))).toEqual(recorded("vlans"));
  });
});
