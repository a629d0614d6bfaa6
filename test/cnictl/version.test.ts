import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStage, type Stage } from "./stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
});
afterEach(() => stage.dispose());

/** An executable that says this on standard error when it gets no command. */
function executable(name: string, stderr: string): string {
  stage.plugin(name, ({ environment }) => (Object.keys(environment).length === 0 ? { stderr } : {}));
  const file = path.join(stage.directory, "bin", name);
  fs.chmodSync(file, 0o755);
  return file;
}

const OURS =
  "CNI bridge plugin v1.2.3\nCNI protocol versions supported: 1.0.0\nBuilt from commit 0123456789ab of 2026-02-03\n";
const GO = "CNI bridge plugin v1.9.1\nCNI protocol versions supported: 0.1.0, 0.4.0, 1.1.0\n";

test("version names the build, and each executable in CNI_PATH with what it says", () => {
  const bridge = executable("bridge", GO);
  const cilium = executable("cilium-cni", "Cilium CNI plugin 1.16.0 8a8e1b2\n");
  const odd = executable("odd", "usage: odd\n");
  const host = executable("host-local", OURS);
  const silent = executable("silent", "");
  stage.write("bin/README.md", "not executable");
  fs.mkdirSync(path.join(stage.directory, "bin/folder"));
  fs.linkSync(bridge, path.join(stage.directory, "image"));
  expect(stage.cnictl(["version"])).toEqual({
    code: 0,
    err: "",
    out: `cnictl v1.2.3, commit abc123def456 of 2026-01-02, QuickJS-NG 0.17.0

PLUGIN      VERSION              COMMIT                      PROTOCOL        FILE
bridge      v1.9.1 (this image)  -                           0.1.0 to 1.1.0  ${bridge}
cilium-cni  1.16.0               -                           -               ${cilium}
host-local  v1.2.3               0123456789ab of 2026-02-03  1.0.0           ${host}
odd         -                    -                           -               ${odd}
silent      -                    -                           -               ${silent}
`,
  });
});

test("version --json has every field", () => {
  const file = executable("bridge", GO);
  const ours = executable("host-local", OURS);
  expect(JSON.parse(stage.cnictl(["version", "--json"]).out)).toEqual({
    ...{ version: "1.2.3", commit: "abc123def456", date: "2026-01-02", engine: "QuickJS-NG 0.17.0" },
    plugins: [
      {
        ...{ name: "bridge", file, version: "v1.9.1", commit: "", date: "" },
        ...{ protocols: ["0.1.0", "0.4.0", "1.1.0"], own: false },
      },
      {
        ...{ name: "host-local", file: ours, version: "v1.2.3", commit: "0123456789ab", date: "2026-02-03" },
        ...{ protocols: ["1.0.0"], own: false },
      },
    ],
  });
});

test("version passes over folders that are not there and executables that cannot be run", () => {
  const file = executable("bridge", "");
  const refuse = () => {
    throw new Error("ENOEXEC");
  };
  const environment = { CNI_PATH: `/nowhere:${path.dirname(file)}` };
  const { code, out } = stage.cnictl(["version"], { environment, launch: refuse });
  expect(code).toBe(0);
  expect(out.split("\n").at(-2)).toMatch(/^bridge +- +- +- +\//);
});

test("version runs nothing but plugins in cnictl's own folder, which may have other commands", () => {
  const bridge = executable("bridge", GO);
  executable("reboot", "");
  fs.linkSync(bridge, path.join(stage.directory, "bin/cnictl"));
  const build = stage.buildAt("bin/cnictl");
  const { plugins } = JSON.parse(stage.cnictl(["version", "--json"], { environment: {}, build }).out);
  const files: string[] = plugins.map(({ file }: { file: string }) => file);
  expect(files.filter((file) => file.startsWith(stage.directory))).toEqual([
    bridge,
    path.join(stage.directory, "bin/cnictl"),
  ]);
  expect(stage.calls.map(({ type }) => type)).not.toContain("reboot");
});
