import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { Containerd, RELEASES } from "../runtimes/containerd.ts";
import { IMAGE, makeImage } from "../runtimes/image.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { nothing, traces } from "../runtimes/traces.ts";
import { PAGES, webServer } from "../runtimes/who.ts";
import { critestFile } from "./critest.ts";
import { PodCgroups } from "./pod-cgroups.ts";

/** The list that is shipped for containerd. */
const list = JSON.parse(fs.readFileSync(path.join(confDir, "containerd/10-containerd-net.conflist"), "utf8"));
const WEB_IMAGE = "localhost/web:1";
const ENDPOINT = "unix:///run/containerd/containerd.sock";

let containerd: Containerd;
let opened: OpenLog;
let critest: string;
const cgroups = new PodCgroups();

beforeAll(async () => {
  critest = critestFile();
  containerd = await Containerd.start(RELEASES["2"], { ...list, cniVersion: "1.1.0" });
  containerd.importImage(makeWebImage());
  opened = await OpenLog.start(containerd.node);
}, 3_600_000);
afterAll(async () => {
  await containerd?.dispose();
  cgroups.remove();
});

/** An image whose command serves a main page. */
function makeWebImage(): string {
  const folder = path.join(containerd.node.dir, "web");
  fs.mkdirSync(path.join(folder, "rootfs", PAGES), { recursive: true });
  fs.writeFileSync(path.join(folder, "rootfs", PAGES, "index.html"), "well\n");
  return makeImage(folder, { name: WEB_IMAGE, command: webServer() });
}

test("every test of critest 1.34 about the network passes on containerd 2, by our plugins and no others, and leaves nothing", async () => {
  const { node } = containerd;
  const images = { defaultTestContainerImage: IMAGE, webServerTestImage: WEB_IMAGE };
  // JSON is YAML.
  node.write("/etc/critest/images.yaml", JSON.stringify(images));
  // It asks for its folder, and what it begins in is outside of the node.
  const printed = node.run([
    ...["bash", "-c", 'cd / && exec "$@"', "bash", critest],
    ...[`-runtime-endpoint=${ENDPOINT}`, `-image-endpoint=${ENDPOINT}`, "-test-images-file=/etc/critest/images.yaml"],
    ...["-ginkgo.focus=Networking", "-ginkgo.no-color"],
  ]);
  expect(printed).toMatch(/Ran 4 of \d+ Specs/);
  expect(printed).toContain("4 Passed | 0 Failed");
  await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bandwidth", "bridge", "loopback", "portmap"]);
  expect(node.files("/usr/lib/cni")).toEqual([]);
  expect(traces(node, { network: list.name, addresses: /\b10\.88\.|\bfd00:10:88:/ })).toEqual(nothing);
});
