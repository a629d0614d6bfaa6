import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IMAGE } from "../runtimes/image.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { Podman } from "../runtimes/podman.ts";
import { nothing } from "../runtimes/traces.ts";
import { askWho, readWho } from "../runtimes/who.ts";

/** Its node has the configuration, the images and the default network that podman has. */
let podman: Podman;
let opened: OpenLog;

beforeAll(async () => {
  podman = await Podman.start();
  opened = await OpenLog.start(podman.node);
});
afterAll(() => podman?.node.dispose());

const ask = askWho("192.0.2.2");
/** What the outside sees of who asks. */
const seen = { client: "192.0.2.1" };

function buildah(...args: readonly string[]): string {
  return podman.node.run(["buildah", ...args]).trim();
}

describe("buildah 1.28", () => {
  test("run: a command has a network of podman's list, by our plugins and no others, and leaves nothing", async () => {
    expect(buildah("--version")).toMatch(/ 1\.28\./);
    const container = buildah("from", "--pull-never", IMAGE);
    expect(readWho(buildah("run", container, "--", ...ask))).toMatchObject(seen);
    expect(buildah("run", container, "--", "ip", "-4", "addr", "show", "eth0")).toMatch(/inet 10\.88\./);
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bridge", "firewall", "portmap", "tuning"]);
    expect(podman.node.files("/usr/lib/cni")).toEqual([]);
    expect(podman.traces()).toEqual(nothing);
    buildah("rm", container);
  });

  test("run: a command that fails leaves nothing", () => {
    const container = buildah("from", "--pull-never", IMAGE);
    expect(() => buildah("run", container, "--", "false")).toThrow();
    expect(podman.traces()).toEqual(nothing);
    buildah("rm", container);
  });

  test("bud: a step of a Dockerfile has a network, and leaves nothing", () => {
    const folder = path.join(podman.node.dir, "bud");
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "Dockerfile"), `FROM ${IMAGE}\nRUN ${ask.join(" ")}\n`);
    const printed = buildah("bud", "--pull-never", "--no-cache", folder);
    expect(printed).toMatch(/\b192\.0\.2\.1\b\]?$/m);
    expect(podman.traces()).toEqual(nothing);
  });
});
