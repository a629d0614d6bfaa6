import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Edge } from "../../src/cnictl/edge.ts";
import { leases } from "../../src/cnictl/leases.ts";
import { list } from "../../src/cnictl/list.ts";
import { ps } from "../../src/cnictl/ps.ts";
import { makeStage, type Outcome, type Stage } from "./stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
  stage.write("net.d/10-net.conflist", {
    cniVersion: "1.0.0",
    name: "net",
    plugins: [{ type: "a" }, { type: "brigde" }],
  });
  stage.plugin("a");
});
afterEach(() => stage.dispose());

function view(args: readonly string[], changes: Partial<Edge> = {}): Outcome {
  return stage.cnictl([...args, "--cache-dir", path.join(stage.directory, "cache")], changes, [list, ps, leases]);
}

const terminal = { out: true };

test.each([
  ["ps", "no attachments\n", /^NETWORK .*\n$/],
  ["leases", "no leases\n", /^ADDRESS .*\n$/],
])(
  "%s of a network without any says so on a terminal, and prints the headings alone elsewhere",
  (command, text, headings) => {
    expect(view([command, "net"], { terminal })).toEqual({ code: 0, out: text, err: "" });
    expect(view([command, "net"]).out).toMatch(headings);
  },
);

test.each(["ps", "leases"])("%s refuses a name that nothing has", (command) => {
  const { code, out, err } = view([command, "nett"]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^no net configuration with name "nett" in .*\n.*\n {2}next: did you mean "net"\? /);
});

test("ps takes a name that only a result has", () => {
  const entry = { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "old", netns: "/ns/c1" };
  stage.write("cache/results/old-c1-eth0", { ...entry, result: { cniVersion: "1.0.0" } });
  expect(view(["ps", "old"])).toMatchObject({ code: 0, out: expect.stringMatching(/^old +c1 +eth0 /m) });
});

test("list names the plugins that are not installed", () => {
  const reason = `${stage.directory}/net.d/10-net.conflist: no executable of brigde (did you mean "bridge"?) in ${stage.directory}/bin\n`;
  expect(view(["list"])).toEqual({ code: 0, out: expect.stringMatching(/^net +.* not installed +/m), err: reason });
  expect(JSON.parse(view(["list", "--json"]).out)).toMatchObject([{ state: "not installed", missing: ["brigde"] }]);
  stage.plugin("brigde");
  expect(view(["list"])).toEqual({ code: 0, out: expect.stringMatching(/^net +.* ok +/m), err: "" });
});

test("list says that its folder does not exist", () => {
  const environment = { NETCONFPATH: "/nowhere" };
  const err = "/nowhere: the folder does not exist\n";
  expect(view(["list"], { environment, terminal })).toEqual({ code: 0, out: "no networks in /nowhere\n", err });
  expect(view(["list", "--json"], { environment })).toEqual({ code: 0, out: "[]\n", err });
});
