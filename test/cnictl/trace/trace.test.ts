import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TracedCall } from "../../../src/cni/call-trace.ts";
import { ERROR_CODES } from "../../../src/cni/error.ts";
import { parseJson } from "../../../src/cni/json.ts";
import type { TraceLaunch } from "../../../src/cnictl/edge.ts";
import { trace } from "../../../src/cnictl/trace/trace.ts";
import { makeStage, type Stage } from "../stage.ts";

let stage: Stage;
let options: string[];

beforeEach(() => {
  stage = makeStage();
  options = ["x", "/run/netns/blue", "--cache-dir", path.join(stage.directory, "cache")];
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "a" }, { type: "b" }] });
  stage.plugin("a", ({ environment }) =>
    environment["CNI_COMMAND"] === "ADD" ? { stdout: '{"cniVersion":"1.1.0"}', stderr: "a warning\n" } : {},
  );
  stage.plugin("b", ({ environment }) =>
    environment["CNI_COMMAND"] === "ADD" ? { stdout: '{"code":101,"msg":"no","details":"why"}', status: 1 } : {},
  );
});
afterEach(() => stage.dispose());

/** Tells of the stage's plugins, as an image that has none of them does. */
const traced: TraceLaunch =
  ({ began, ended }) =>
  (executable, options) => {
    const child = stage.runtime.launch(executable, options);
    const command = options.environment["CNI_COMMAND"] ?? "";
    const head = { plugin: path.basename(executable), command, executable, input: parseJson(options.stdin) };
    began(head);
    const wait = () => {
      const exit = child.wait();
      const output = exit.stdout.length === 0 ? undefined : parseJson(exit.stdout);
      const call: TracedCall = { ...head, milliseconds: 1.5, output, stderr: `${exit.stderr}`, exitCode: exit.status };
      ended(call);
      return exit;
    };
    return { ...child, wait };
  };

function run(args: readonly string[]) {
  return stage.cnictl(["trace", ...args], { trace: traced }, [trace]);
}

test("trace add tells of each plugin in the order of the calls, and fails as add does", () => {
  const { code, out, err } = run(["add", ...options]);
  expect(code).toBe(1);
  expect(err).toMatch(
    /^plugin type="b" failed \(add\): no; why\n {2}code: 101 .*\n {2}next: `cnictl del x .*` removes .*\n$/,
  );
  expect(out).toMatch(
    /^eth0 of container cnitool-\w+, \/run\/netns\/blue, network "x"\n\nADD of a \(.*\/bin\/a\)\nInput:\n/,
  );
  expect(out).toContain("Standard error:\n  a warning\nOutput:\n");
  expect(out).toMatch(/exit code 0 after 1\.50 ms\n\nADD of b \(/);
  expect(out).toMatch(/\n\nPLUGIN .*\na +ADD +exit code 0 +1\.50 +-\nb +ADD +exit code 1 +1\.50 +-\n$/);
  expect(stage.files("cache/results")).toEqual([]);
});

test("trace --json prints one document, the error within it", () => {
  const { code, out, err } = run(["add", ...options, "--json"]);
  expect([code, err]).toEqual([1, ""]);
  expect(JSON.parse(out)).toEqual({
    command: "ADD",
    network: "x",
    containerId: expect.stringMatching(/^cnitool-/),
    ifname: "eth0",
    netns: "/run/netns/blue",
    plugins: [
      expect.objectContaining({ plugin: "a", exitCode: 0, stderr: ["a warning"], output: { cniVersion: "1.1.0" } }),
      expect.objectContaining({ plugin: "b", exitCode: 1, output: { code: 101, msg: "no", details: "why" } }),
    ],
    error: {
      code: 101,
      msg: 'plugin type="b" failed (add): no',
      details: "why",
      hint: expect.stringContaining(`\`cnictl del ${options.join(" ")} --json\``),
    },
  });
});

test("trace check and del run as check and del, the last plugin first, on what add has cached", () => {
  stage.plugin("b", ({ environment }) => (environment["CNI_COMMAND"] === "ADD" ? { stdout: "{}" } : {}));
  expect(run(["check", ...options, "--json"])).toMatchObject({ code: 1 });
  expect(run(["add", ...options]).code).toBe(0);
  expect(stage.files("cache/results")).toHaveLength(1);
  const called = (verb: string) => {
    const { code, out } = run([verb, ...options, "--json"]);
    expect(code).toBe(0);
    const { plugins }: { plugins: TracedCall[] } = JSON.parse(out);
    return plugins.map(({ command, plugin }) => `${command} ${plugin}`);
  };
  expect(called("check")).toEqual(["CHECK a", "CHECK b"]);
  expect(called("del")).toEqual(["DEL b", "DEL a"]);
  expect(stage.files("cache/results")).toEqual([]);
});

test.each([[[]], [["status", "x"]], [["--json"]]])("trace %j asks for a verb", (args) => {
  const { code, out, err } = run(args);
  expect(code).toBe(2);
  expect(out + err).toContain("cnictl trace: must be followed by one of add, check, del");
  if (args.includes("--json")) expect(JSON.parse(out)).toMatchObject({ code: ERROR_CODES.invalidEnvironment });
});
