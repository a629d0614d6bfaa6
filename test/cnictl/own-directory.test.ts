import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pluginDirectories } from "../../src/cnictl/target.ts";
import { makeStage, type Stage } from "./stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
});
afterEach(() => stage.dispose());

/** A package's folder with cnictl and bridge, and its link in the path. Returns the folder. */
function installPackage(): string {
  const image = stage.write("libexec/cnictl", "the image");
  fs.symlinkSync("cnictl", path.join(stage.directory, "libexec/bridge"));
  fs.mkdirSync(path.join(stage.directory, "usr/bin"), { recursive: true });
  fs.symlinkSync(image, path.join(stage.directory, "usr/bin/cnictl"));
  return path.dirname(image);
}

test("pluginDirectories() without CNI_PATH has the runtimes' folder, then the one to which cnictl's link leads", () => {
  const own = installPackage();
  for (const executable of ["libexec/cnictl", "usr/bin/cnictl"]) {
    const build = stage.buildAt(executable);
    expect(pluginDirectories({ environment: {}, build })).toEqual(["/opt/cni/bin", own]);
    expect(pluginDirectories({ environment: { CNI_PATH: "" }, build })).toEqual(["/opt/cni/bin", own]);
  }
});

test("pluginDirectories() has nothing but the folders of CNI_PATH if it is set", () => {
  installPackage();
  const edge = { environment: { CNI_PATH: "/a::/b" }, build: stage.buildAt("libexec/cnictl") };
  expect(pluginDirectories(edge)).toEqual(["/a", "/b"]);
});

test.each([
  ["a folder that has no plugin beside cnictl", "local/cnictl"],
  ["an executable that is gone", "gone/cnictl"],
])("pluginDirectories() passes over %s", (_, executable) => {
  stage.write("local/cnictl", "the image");
  expect(pluginDirectories({ environment: {}, build: stage.buildAt(executable) })).toEqual(["/opt/cni/bin"]);
});

test("cnictl runs the plugins beside it, and says in which folders it searched", () => {
  const own = path.join(stage.directory, "bin");
  for (const name of ["bridge", "cnictl", "beside"]) stage.plugin(name);
  const list = (type: string) => ({ cniVersion: "1.1.0", name: type, plugins: [{ type }] });
  for (const type of ["beside", "missing"]) stage.write(`net.d/${type}.conflist`, list(type));
  const environment = { NETCONFPATH: path.join(stage.directory, "net.d") };
  const status = (type: string) => stage.cnictl(["status", type], { environment, build: stage.buildAt("bin/cnictl") });
  expect(status("beside").code).toBe(0);
  expect(stage.calls.map(({ type, environment: { CNI_PATH } }) => [type, CNI_PATH])).toContainEqual([
    "beside",
    `/opt/cni/bin:${own}`,
  ]);
  expect(status("missing").err).toContain(`failed to find plugin "missing" in path [/opt/cni/bin ${own}]`);
});
