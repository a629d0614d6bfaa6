import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { nothing, traces } from "../runtimes/traces.ts";
import { Buildkit } from "./buildkit.ts";

/** The list that is shipped for it. */
const list = JSON.parse(fs.readFileSync(path.join(confDir, "buildkit/cni.conflist"), "utf8"));
const STEPS = 8;

let buildkit: Buildkit;
let opened: OpenLog;

beforeAll(async () => {
  buildkit = await Buildkit.start(list);
  opened = await OpenLog.start(buildkit.node);
}, 3_600_000);
afterAll(() => buildkit?.dispose());

/** The daemon keeps the networks of steps for later ones, and removes them when it ends. It makes a first one at its start. */
describe("BuildKit 0.34 with networkMode cni", () => {
  test(`gives ${STEPS} steps at once a network each, by our plugins and no others, and leaves nothing of them at its end`, async () => {
    const steps = buildkit.build("192.0.2.2", STEPS);
    for (const step of steps)
      expect(step).toMatchObject({ address: expect.stringMatching(/^10\.10\./), client: "192.0.2.1" });
    expect(new Set(steps.map(({ address }) => address)).size).toBe(STEPS);
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bridge", "firewall", "loopback"]);
    expect(buildkit.node.files("/usr/lib/cni")).toEqual([]);
    buildkit.stop();
    expect(left()).toEqual(nothing);
    await buildkit.restart();
  });

  test("killed in the midst of a step, it removes what is left when it starts again, and the next build has a network", async () => {
    buildkit.build("192.0.2.2", STEPS);
    buildkit.startLongBuild();
    await buildkit.node.until(() => buildkit.node.runs("/bin/busybox"));
    expect(left().leases).toHaveLength(STEPS);
    buildkit.kill();
    await buildkit.restart();
    await expect.poll(() => left().leases.length, { timeout: 60_000 }).toBe(1);
    expect(buildkit.build("192.0.2.2")).toMatchObject([{ client: "192.0.2.1" }]);
    buildkit.stop();
    expect(left()).toEqual(nothing);
  });
});

function left() {
  return traces(buildkit.node, { network: list.name, addresses: /\b10\.10\./ });
}
