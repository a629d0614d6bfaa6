import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStage, type Stage } from "./stage.ts";

let stage: Stage;
let options: string[];

beforeEach(() => {
  stage = makeStage();
  options = ["--cache-dir", path.join(stage.directory, "cache")];
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "a" }] });
});
afterEach(() => stage.dispose());

const terminal = { out: true, err: true };

function failWith(code: number, msg: string, details?: string): void {
  stage.plugin("a", () => ({ status: 1, stdout: JSON.stringify({ code, msg, details }), stderr: "log line" }));
}

/** Attaches blue to x, as check wants it. */
function attach(): void {
  stage.plugin("a", () => ({ stdout: '{"cniVersion":"1.1.0"}' }));
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
}

test("a failed add prints cnitool's text and exits 1", () => {
  failWith(105, "eth0 is there", "in blue");
  const err = 'log line\nplugin type="a" failed (add): eth0 is there; in blue\n';
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options])).toEqual({ code: 1, out: "", err });
});

test("a failed check and status print the plugin's own text", () => {
  attach();
  failWith(104, "no such route");
  for (const command of ["check", "status"])
    expect(stage.cnictl([command, "x", "/run/netns/blue", ...options])).toEqual({
      code: 1,
      out: "",
      err: "log line\nno such route\n",
    });
});

test("a failed gc prints a line per error", () => {
  stage.write("cache/results/x-c1-eth0", { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "x" });
  failWith(11, "busy");
  expect(stage.cnictl(["gc", "x", "--all", ...options]).err).toBe(
    'log line\nlog line\nfailed to delete stale attachment c1 eth0: plugin type="a" failed (delete): busy\nfailed to GC plugin a: busy\n',
  );
});

test.each([
  [
    "add",
    105,
    "interfaceExists",
    "`cnictl del x /run/netns/blue --cache-dir CACHE` first, or use another name with --ifname",
  ],
  [
    "add",
    102,
    "duplicateAllocation",
    "`cnictl del x /run/netns/blue --cache-dir CACHE` first, or use another name with --ifname",
  ],
  [
    "add",
    100,
    "noAddressAvailable",
    "detach containers that are not needed, or remove stale leases: `cnictl gc <network>`",
  ],
  ["del", 11, "tryAgainLater", "run it again in a moment"],
  [
    "check",
    104,
    "checkFailed",
    "`cnictl reapply` rebuilds what others deleted on the host; if that does not help, start the container again",
  ],
  ["check", 109, "deadlineExceeded", "run it again in a moment"],
  ["add", 8, "invalidNetns", "use an existing network namespace, such as /run/netns/<name> of `ip netns list`"],
  ["add", 7, "invalidConfig", "correct the network list"],
  ["add", 107, "kernelRequest", "`cnictl del x /run/netns/blue --cache-dir CACHE` removes what may be left of it"],
])("a failed %s with code %i tells a person its name, %s, and what to do", (command, code, name, advice) => {
  if (command === "check") attach();
  failWith(code, "what and why");
  const { err } = stage.cnictl([command, "x", "/run/netns/blue", ...options], { terminal });
  expect(err.split("\n").slice(-3)).toEqual([
    `  code: ${code} (${name})`,
    `  next: ${advice.replace("CACHE", `${stage.directory}/cache`)}`,
    "",
  ]);
});

test("a failed check with a code of somebody else tells a person the code alone", () => {
  attach();
  failWith(150, "what and why");
  expect(stage.cnictl(["check", "x", "/run/netns/blue", ...options], { terminal }).err).toBe(
    "log line\nwhat and why\n  code: 150\n",
  );
});

test("a network that is not there is answered with those that are", () => {
  const err = `no net configuration with name "y" in ${stage.directory}/net.d\n`;
  expect(stage.cnictl(["add", "y", "/run/netns/blue", ...options])).toEqual({ code: 1, out: "", err });
  expect(stage.cnictl(["add", "y", "/run/netns/blue", ...options], { terminal }).err).toContain(
    "  next: use one of the networks there: x\n",
  );
});

test("a directory without networks is answered with how to name another", () => {
  const { err } = stage.cnictl(["status", "x"], { terminal, environment: { NETCONFPATH: "/nowhere" } });
  expect(err).toBe(
    "no net configurations found in /nowhere\n  code: 7 (invalidConfig)\n  next: put a network list there, or set NETCONFPATH to its directory\n",
  );
});

test("a configuration that the second plugin refuses leaves what the first one made", () => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "b" }, { type: "a" }] });
  stage.plugin("b", () => ({ stdout: '{"cniVersion":"1.1.0"}' }));
  failWith(7, "what and why");
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options], { terminal }).err).toContain(
    `  next: correct the network list; \`cnictl del x /run/netns/blue --cache-dir ${stage.directory}/cache\` removes what may be left of it\n`,
  );
});

test.each([
  ["host-local", "install it with `cnictl install`, or set CNI_PATH to its directory"],
  [
    "weave-net",
    '"weave-net" is not part of this project: install it from where it comes from, or set CNI_PATH to its directory',
  ],
])("a plugin that is not there, %s, is answered with how to get it", (type, advice) => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type }] });
  const { err } = stage.cnictl(["add", "x", "/run/netns/blue", ...options], { terminal });
  expect(err).toBe(
    `plugin type="${type}" failed (add): failed to find plugin "${type}" in path [${stage.directory}/bin]\n  code: 108 (delegateFailed)\n  next: ${advice}\n`,
  );
});

test("a failure with --json is one object on standard output", () => {
  failWith(105, "eth0 is there", "in blue");
  const { code, out, err } = stage.cnictl(["add", "x", "/run/netns/blue", "--json", ...options], { terminal });
  expect([code, err]).toEqual([1, "log line\n"]);
  expect(JSON.parse(out)).toEqual({
    code: 105,
    msg: 'plugin type="a" failed (add): eth0 is there',
    details: "in blue",
    hint: expect.stringContaining("first, or use another name with --ifname"),
  });
});

test("several failures with --json are one object", () => {
  stage.write("cache/results/x-c1-eth0", { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "x" });
  failWith(11, "busy");
  expect(JSON.parse(stage.cnictl(["gc", "x", "--all", "--json", ...options]).out)).toEqual({
    code: 11,
    msg: 'failed to delete stale attachment c1 eth0: plugin type="a" failed (delete): busy; failed to GC plugin a: busy',
    hint: "run it again in a moment",
  });
});

test("a refused permission is answered with who may", () => {
  failWith(107, "Cannot add link: Operation not permitted");
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options], { terminal }).err).toContain(
    "  next: run it as root: namespaces, links and the result cache need it\n",
  );
});

test("an add that was refused before a plugin ran needs no clearing", () => {
  const { err } = stage.cnictl(["add", "x", "/run/netns/blue", "--container-id", "../x", ...options], { terminal });
  expect(err).toBe("invalid characters in containerID; ../x\n  code: 4 (invalidEnvironment)\n");
});
