import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

test("the package's version is one that clients take for a recent reference plugin's", () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "../../package.json"), "utf8"));
  // Nomad: ">= 0.4.0"; nerdctl: at least 1.1.0. Neither takes a pre-release.
  expect(manifest.version).toMatch(/^[2-9]\.\d+\.\d+$/);
});
