import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ReapplyCall } from "../../src/cni/reapply.ts";
import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import type { Edge } from "../../src/cnictl/edge.ts";
import { reapply as command } from "../../src/cnictl/reapply.ts";
import { makeStage, type Outcome, type Stage } from "./stage.ts";

let stage: Stage;
let calls: { type: string; call: ReapplyCall }[];

const list = {
  cniVersion: "1.1.0",
  name: "x",
  plugins: [{ type: "bridge", a: 1 }, { type: "portmap", capabilities: { portMappings: true } }, { type: "other" }],
};
const result = { cniVersion: "1.1.0", ips: [{ address: "10.1.0.2/24" }] };

beforeEach(() => {
  stage = makeStage();
  calls = [];
  stage.write("image", "image");
  for (const type of ["bridge", "portmap", "other"]) {
    stage.plugin(type);
    stage.write(`bin/${type}`, "image");
  }
});
afterEach(() => stage.dispose());

function cache(containerId: string, changes: object = {}): void {
  const config = Buffer.from(JSON.stringify(list)).toString("base64");
  const entry = {
    kind: "cniCacheV1",
    containerId,
    config,
    ifName: "eth0",
    networkName: "x",
    netns: `/ns/${containerId}`,
    result,
  };
  stage.write(`cache/results/x-${containerId}-eth0`, { ...entry, ...changes });
}

function reapply(
  args: readonly string[],
  answer: (type: string) => Rebuilding | undefined,
  changes: Partial<Edge> = {},
): Outcome {
  const rebuild: Edge["reapply"] = (type, call) => {
    calls.push({ type, call });
    return answer(type);
  };
  const names = ["bridge", "portmap", "cnictl"];
  const build = {
    version: "1",
    commit: "",
    date: "",
    engine: "",
    plugins: {},
    names,
    executable: `${stage.directory}/image`,
  };
  const line = ["reapply", ...args, "--cache-dir", `${stage.directory}/cache`];
  return stage.cnictl(line, { reapply: rebuild, build, ...changes }, [command]);
}

const nothing: Rebuilding = { rebuilt: [], failed: [] };

test("reapply has each plugin of this image rebuild, with the list, the result and the arguments of ADD", () => {
  const portMappings = [{ hostPort: 80 }];
  cache("c1", { capabilityArgs: { portMappings }, cniArgs: [["A", "b"]] });
  expect(reapply([], () => nothing)).toEqual({
    code: 0,
    out: "NETWORK  CONTAINER  INTERFACE  REBUILT  FAILED\n",
    err: "",
  });
  expect(calls.map(({ type }) => type)).toEqual(["bridge", "portmap"]);
  expect(calls[0]?.call.environment).toMatchObject({
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/ns/c1",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "A=b",
  });
  const [bridge, portmap] = calls.map(({ call }) => JSON.parse(new TextDecoder().decode(call.stdin)));
  expect(bridge).toMatchObject({ type: "bridge", name: "x", cniVersion: "1.1.0", a: 1, prevResult: result });
  expect(portmap).toMatchObject({ type: "portmap", runtimeConfig: { portMappings } });
});

test("reapply finds the namespace in the result where the entry has none, as podman's", () => {
  const interfaces = [{ name: "cni0" }, { name: "eth0", sandbox: "/ns/c1" }];
  cache("c1", { netns: undefined, result: { ...result, interfaces } });
  reapply([], () => nothing, { findInside: () => inside });
  expect(calls.map(({ call }) => call.environment["CNI_NETNS"])).toEqual(["/ns/c1", "/ns/c1"]);
});

test("reapply rebuilds nothing if the container's interface is missing: its ports would lead to nobody", () => {
  const interfaces = [{ name: "cni0" }, { name: "eth0", sandbox: "/ns/c1" }];
  cache("c1", { result: { ...result, interfaces } });
  const { code, out } = reapply(["--json"], () => nothing, { findInside: () => undefined });
  const message = 'Cannot rebuild the attachment: the container has no "eth0": start the container again';
  expect([code, JSON.parse(out)]).toEqual([1, [expect.objectContaining({ rebuilt: [], failed: [message] })]]);
  expect(calls).toEqual([]);
});

test("reapply leaves out namespaces that are gone or unknown, other networks, and files that are no results", () => {
  cache("c1");
  cache("c2", { netns: "" });
  cache("c3");
  cache("c4", { networkName: "y" });
  stage.write("cache/results/x-c5-eth0", "{");
  reapply(["x"], () => nothing, { isLiving: (netns) => netns !== "/ns/c3" });
  expect(calls.map(({ call }) => call.environment["CNI_CONTAINERID"])).toEqual(["c1", "c1"]);
});

test("reapply leaves to other executables what they made", () => {
  cache("c1");
  stage.write("bin/portmap", "somebody's");
  reapply([], () => nothing);
  expect(calls.map(({ type }) => type)).toEqual(["bridge"]);
});

test("reapply fails for a plugin of this image that is not installed, and says what helps", () => {
  cache("c1");
  fs.rmSync(path.join(stage.directory, "bin/portmap"));
  fs.rmSync(path.join(stage.directory, "bin/other"));
  const { code, out, err } = reapply(["--json"], () => nothing);
  const message = `failed to find plugin "portmap" in path [${stage.directory}/bin]`;
  expect([code, JSON.parse(out)]).toEqual([1, [expect.objectContaining({ rebuilt: [], failed: [message] })]]);
  expect(err).toMatch(/^ {2}next: .*CNI_PATH.*\n$/);
  expect(calls.map(({ type }) => type)).toEqual(["bridge"]);
});

test("reapply refuses a name of which there is no attachment and no list", () => {
  cache("c1");
  const { code, out, err } = reapply(["y"], () => nothing);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^no net configurations found in /);
  stage.write("net.d/10-y.conflist", { name: "y", plugins: [{ type: "bridge" }] });
  expect(reapply(["y"], () => nothing).code).toBe(0);
});

test("reapply says on a terminal that nothing was missing", () => {
  cache("c1");
  expect(reapply([], () => nothing, { terminal: { out: true } }).out).toBe("nothing was missing\n");
});

test("reapply goes on after a plugin and an attachment that fail, names them, and exits 1", () => {
  cache("c1");
  cache("c2", { config: "!" });
  cache("c3", { result: { cniVersion: "9" } });
  const outcome = reapply(["--json"], (type) => {
    if (type === "bridge") throw new Error("no bridge");
    return { rebuilt: [], failed: ["port mappings: no"] };
  });
  expect(outcome).toMatchObject({ code: 1, err: "" });
  expect(JSON.parse(outcome.out)).toEqual([
    { network: "x", containerId: "c1", ifname: "eth0", rebuilt: [], failed: ["no bridge", "port mappings: no"] },
    { network: "x", containerId: "c2", ifname: "eth0", rebuilt: [], failed: [expect.stringContaining("base64")] },
    { network: "x", containerId: "c3", ifname: "eth0", rebuilt: [], failed: ['unsupported CNI result version "9"'] },
  ]);
});

/** A call that rebuilds the port mappings, during which something happens. */
function rebuildDuring(act: () => void, changes: Partial<Edge>): { outcome: Outcome; withdrawn: readonly string[] } {
  const withdrawn: string[] = [];
  const withdraw: Edge["withdraw"] = (type, { environment, stdin }) => {
    const { prevResult } = JSON.parse(new TextDecoder().decode(stdin));
    withdrawn.push(`${environment["CNI_COMMAND"]} ${type} ${environment["CNI_CONTAINERID"]} ${prevResult.ips.length}`);
  };
  const outcome = reapply(
    ["--json"],
    (type) => {
      if (type !== "portmap") return nothing;
      act();
      return { rebuilt: ["port mappings"], failed: [] };
    },
    { withdraw, ...changes },
  );
  return { outcome, withdrawn };
}

const inside = {
  name: "eth0",
  kind: "veth",
  up: true,
  mtu: 1500,
  mac: "02:00:00:00:00:01",
  addresses: ["10.1.0.2/24"],
};
const forget = () => fs.rmSync(path.join(stage.directory, "cache/results/x-c1-eth0"));

test("reapply takes back what it rebuilt for an attachment that a DEL has ended meanwhile, last plugin first", () => {
  cache("c1");
  let found: typeof inside | undefined = inside;
  const end = () => {
    found = undefined;
    forget();
  };
  const { outcome, withdrawn } = rebuildDuring(end, { findInside: () => found });
  expect(withdrawn).toEqual(["DEL portmap c1 1", "DEL bridge c1 1"]);
  expect(outcome).toEqual({ code: 0, out: "[]\n", err: "" });
});

test("reapply notices the end of an attachment also a moment after it has rebuilt", () => {
  cache("c1");
  let looks = 0;
  // The namespace is gone at the third look.
  const isLiving = () => ++looks < 4;
  expect(rebuildDuring(forget, { findInside: () => inside, isLiving }).withdrawn).toEqual([
    "DEL portmap c1 1",
    "DEL bridge c1 1",
  ]);
});

test("reapply keeps what it rebuilt if only the result is gone, or only the interface", () => {
  cache("c1");
  expect(rebuildDuring(forget, { findInside: () => inside }).withdrawn).toEqual([]);
  cache("c1");
  expect(rebuildDuring(() => {}, {}).withdrawn).toEqual([]);
});

test("reapply does not count as failed what a DEL has deleted meanwhile, and calls no verb of a plugin", () => {
  cache("c1");
  const outcome = reapply(["--json"], (type) => {
    if (type !== "portmap") return nothing;
    fs.rmSync(path.join(stage.directory, "cache/results/x-c1-eth0"));
    return { rebuilt: [], failed: ["port mappings: gone"] };
  });
  expect(outcome).toEqual({ code: 0, out: "[]\n", err: "" });
  expect(stage.calls).toEqual([]);
});
