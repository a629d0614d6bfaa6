import { afterEach, beforeEach, expect, test } from "vitest";
import { listCheck } from "../../../src/cnictl/doctor/lists.ts";
import { readNetworks } from "../../../src/runtime/load.ts";
import { makeWorld, type World } from "../../runtime/world.ts";
import { SOURCE } from "../stage.ts";
import { examinationOf, wrong } from "./examinee.ts";

let world: World;

beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.dispose());

/** What is wrong in the folder, which is "D" then. */
function examine(): readonly string[] {
  const directory = `${world.directory}/net.d`;
  const files = [...readNetworks(directory)];
  const networks = files.flatMap((entry) => ("network" in entry ? [entry.network] : []));
  const { edge } = examinationOf([]);
  const build = { ...edge.build, plugins: SOURCE.plugins };
  const found = wrong(listCheck.run(examinationOf(networks, { directory, files, edge: { ...edge, build } })));
  return found.map((line) => line.replaceAll(directory, "D").replace(/column \d+/, "column N"));
}

const list = (name: string, ...plugins: readonly object[]) => ({ cniVersion: "1.0.0", name, plugins });

test("what validate calls an error is one, and its warnings are not repeated", () => {
  world.write(
    "net.d/10-a.conflist",
    list(
      "a",
      { type: "bridge", isGatway: true, frobnicate: 1, vlan: 5000 },
      { type: "portmap", capabilities: { portmappings: true, other: true } },
    ),
  );
  expect(examine()).toEqual([
    'error D/10-a.conflist: line 1, column N: plugins[0].isGatway: unknown key "isGatway"; did you mean "isGateway"? | cnictl validate D/10-a.conflist',
    "error D/10-a.conflist: line 1, column N: plugins[0].vlan: invalid VLAN ID 5000 (must be between 0 and 4094) | cnictl validate D/10-a.conflist",
    'error D/10-a.conflist: line 1, column N: plugins[1].capabilities.portmappings: portmap takes no such capability; did you mean "portMappings"? | cnictl validate D/10-a.conflist',
  ]);
});

test("a name that no plugin takes, and an error in a plugin's own file, are found", () => {
  world.write("net.d/10-a.conflist", list("my net", { type: "bridge" }));
  world.write("net.d/20-b.conflist", { cniVersion: "1.0.0", name: "b" });
  world.write("net.d/b/10.conf", { type: "bridge", isGatway: true });
  expect(examine()).toEqual([
    "error D/10-a.conflist: line 1, column N: name: invalid characters found in network name; my net | cnictl validate D/10-a.conflist",
    'error D/20-b.conflist: line 1, column N of D/b/10.conf: isGatway: unknown key "isGatway"; did you mean "isGateway"? | cnictl validate D/20-b.conflist',
  ]);
});
