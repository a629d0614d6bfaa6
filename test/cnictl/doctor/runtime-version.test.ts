import fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runtimeCheck } from "../../../src/cnictl/doctor/runtime-version.ts";
import { makeWorld, type World } from "../../runtime/world.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";

let world: World;

beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.dispose());

function examine(containerd: string, versions: Readonly<Record<string, string>>): readonly string[] {
  fs.chmodSync(world.write("bin/containerd", `#!/bin/sh\necho containerd x v${containerd} abc\n`), 0o755);
  const { edge } = examinationOf([]);
  const environment = { ...edge.environment, PATH: `${world.directory}/bin` };
  const networks = Object.entries(versions).map(([name, cniVersion]) =>
    networkOf({ name, cniVersion, plugins: [{ type: "bridge" }] }),
  );
  return wrong(runtimeCheck.run(examinationOf(networks, { edge: { ...edge, environment } })));
}

test("lists that containerd 1 refuses for their version are one warning", () => {
  const versions = { a: "1.1.0", b: "1.0.0", c: "1.1.0" };
  expect(examine("1.7.24", versions)).toEqual([
    'warning containerd: containerd 1.7.24 is installed, and takes version 1.0.0 at most, but the lists of networks a, c have a newer one | set "cniVersion" to "1.0.0" in the lists that containerd uses',
  ]);
  expect(examine("2.0.1", versions)).toEqual([]);
  expect(examine("1.7.24", { b: "1.0.0" })).toEqual([]);
});
