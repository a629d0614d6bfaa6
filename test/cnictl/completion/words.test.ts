import { afterEach, beforeEach, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cnictl/commands.ts";
import { makeStage, type Stage } from "../stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
  for (const name of ["office", "lab"])
    stage.write(`net.d/${name}.conflist`, { cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }] });
  stage.write("net.d/broken.conflist", "{");
  const entry = { kind: "cniCacheV1", containerId: "blue", config: "e30=", ifName: "eth0", networkName: "office" };
  stage.write("cache/results/office-blue-eth0", { ...entry, netns: "/ns/blue", result: { cniVersion: "1.0.0" } });
});
afterEach(() => stage.dispose());

/** The words that are offered for the last one. */
function complete(...words: readonly string[]): readonly string[] {
  const { code, out, err } = stage.cnictl(["__complete", ...words], {}, COMMANDS);
  expect([code, err]).toEqual([0, ""]);
  return out
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t")[0] ?? "");
}

const NAMES = COMMANDS.map(({ name }) => name);

test("the first word is a command, help or --version", () => {
  expect(complete("")).toEqual([...NAMES, "help", "--version", "--help"]);
  expect(complete("un")).toEqual(["uninstall"]);
  expect(complete("--v")).toEqual(["--version"]);
  expect(complete("help", "rel")).toEqual(["release"]);
  expect(complete("help", "release", "")).toEqual([]);
});

test("each word has a description behind a tab", () => {
  expect(stage.cnictl(["__complete", "vers"]).out).toBe("version\tPrints the version of cnictl and of every plugin\n");
});

test.each(COMMANDS)("cnictl $name: every option of its table is offered, until it is given", ({ name, options }) => {
  const named = Object.keys(options).map((option) => `--${option}`);
  expect(complete(name, "-")).toEqual([...named, "--help"]);
  for (const [option, { type }] of Object.entries(options)) {
    const given = type === "string" ? [`--${option}`, "x"] : [`--${option}`];
    expect(complete(name, ...given, "-")).toEqual([...named.filter((each) => each !== `--${option}`), "--help"]);
  }
});

test("an operand is a network, and files that cannot be read stop none", () => {
  expect(complete("show", "")).toEqual(["lab", "office"]);
  expect(complete("add", "o")).toEqual(["office"]);
  expect(complete("add", "--json", "-i", "net1", "o")).toEqual(["office"]);
  expect(complete("show", "office", "")).toEqual(["--cache-dir", "--json", "--help"]);
  expect(complete("release", "--network", "l")).toEqual(["lab"]);
  expect(complete("release", "--network=l")).toEqual(["--network=lab"]);
});

test("a list is completed behind its last comma, by names that it does not have yet", () => {
  expect(complete("install", "--only", "")).toEqual(["bridge", "host-local", "cnictl"]);
  expect(complete("install", "--only", "bridge,ho")).toEqual(["bridge,host-local"]);
  expect(complete("install", "--only=bridge,ho")).toEqual(["--only=bridge,host-local"]);
  expect(complete("install", "--only", "bridge,cnictl,")).toEqual(["bridge,cnictl,host-local"]);
});

test("a namespace or a container is completed by the cache, a path by the shell", () => {
  const cache = `${stage.directory}/cache`;
  expect(complete("del", "--cache-dir", cache, "office", "bl")).toContain("blue");
  expect(complete("inspect", `--cache-dir=${cache}`, "bl")).toContain("blue");
  expect(complete("del", "office", "/run/net")).toEqual(["<files>"]);
  expect(complete("add", "--cache-dir", cache, "office", "x", "--container-id", "b")).toContain("blue");
});

test("plugins, shells, files and folders are offered where they are meant", () => {
  expect(complete("schema", "host-l")).toEqual(["host-local"]);
  expect(complete("completion", "")).toEqual(["bash", "zsh", "fish"]);
  expect(complete("validate", "one", "t")).toEqual(["<files>"]);
  expect(complete("metrics", "--output=/var")).toEqual(["<files>"]);
  expect(complete("install", "--dir", "/o")).toEqual(["<folders>"]);
});

test("nothing is offered behind `--` as an option, for an unknown command, or without operands", () => {
  expect(complete("show", "--", "-")).toEqual([]);
  expect(complete("attach", "")).toEqual([]);
  expect(complete("list", "x")).toEqual([]);
  expect(complete("add", "-i", "")).toEqual([]);
});

test("what cannot be found out is no error", () => {
  const { code, out, err } = stage.cnictl(
    ["__complete", "show", ""],
    { environment: { NETCONFPATH: `${stage.directory}/net.d/lab.conflist` } },
    COMMANDS,
  );
  expect({ code, out, err }).toEqual({ code: 0, out: "", err: "" });
});

test("completion prints the script of a shell, and refuses others", () => {
  for (const shell of ["bash", "zsh", "fish"]) expect(stage.cnictl(["completion", shell]).out).toContain("__complete");
  expect(stage.cnictl(["completion", "csh"]).err).toBe(
    'cnictl completion: no completion for "csh"\n\nUsage: cnictl completion <bash|zsh|fish>\n',
  );
});

test.each(["$(reboot)", "a b", "a;b", "a\tb", "`id`", "a\nb"])(
  "no word that a shell would act on is offered: %j",
  (name) => {
    stage.write("net.d/00-other.conflist", { cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }] });
    expect(complete("show", "")).toEqual(["lab", "office"]);
  },
);
