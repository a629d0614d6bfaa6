import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStage, SOURCE, type Stage } from "./stage.ts";

let stage: Stage;
let options: string[];

beforeEach(() => {
  stage = makeStage();
  options = ["--cache-dir", path.join(stage.directory, "cache")];
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "a" }] });
});
afterEach(() => stage.dispose());

const terminal = { out: true };

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
  const { code, out, err } = stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^log line\nplugin type="a" failed \(add\): eth0 is there; in blue\n {2}code: 105 /);
});

test("a failed check and status print the plugin's own text", () => {
  attach();
  failWith(104, "no such route");
  for (const command of ["check", "status"])
    expect(stage.cnictl([command, "x", "/run/netns/blue", ...options])).toEqual({
      code: 1,
      out: "",
      err: expect.stringMatching(/^log line\nno such route\n {2}code: 104 /),
    });
});

test("a failed gc prints each error", () => {
  stage.write("cache/results/x-c1-eth0", { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "x" });
  failWith(11, "busy");
  const next = "  code: 11 (tryAgainLater)\n  next: run it again in a moment\n";
  expect(stage.cnictl(["gc", "x", "--all", ...options]).err).toBe(
    `log line\nlog line\nfailed to delete stale attachment c1 eth0: plugin type="a" failed (delete): busy\n${next}failed to GC plugin a: busy\n${next}`,
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
    "`cnictl reapply x` rebuilds what others deleted on the host; if that does not help, start the container again",
  ],
  ["check", 109, "deadlineExceeded", "run it again in a moment"],
  ["add", 8, "invalidNetns", "use an existing network namespace, such as /run/netns/<name> of `ip netns list`"],
  ["add", 7, "invalidConfig", "correct LIST: `cnictl validate LIST` examines it"],
  ["add", 1, "incompatibleVersion", "set cniVersion in LIST to one that every plugin of it supports"],
  ["add", 107, "kernelRequest", "`cnictl del x /run/netns/blue --cache-dir CACHE` removes what may be left of it"],
])("a failed %s with code %i tells a person its name, %s, and what to do", (command, code, name, advice) => {
  if (command === "check") attach();
  failWith(code, "what and why");
  const { err } = stage.cnictl([command, "x", "/run/netns/blue", ...options]);
  const next = advice
    .replace("CACHE", `${stage.directory}/cache`)
    .replaceAll("LIST", `${stage.directory}/net.d/10-x.conflist`);
  expect(err.split("\n").slice(-3)).toEqual([`  code: ${code} (${name})`, `  next: ${next}`, ""]);
});

test.each([
  [
    "check",
    104,
    'Bridge "b" has MAC 02:00:00:00:00:02, expected 02:00:00:00:00:01',
    "ip link set b address 02:00:00:00:00:01",
  ],
  [
    "check",
    104,
    'Bridge "b" is missing; Route 0.0.0.0/0 is missing',
    "cnictl reapply x; start the containers again whose interface, addresses or routes differ",
  ],
  [
    "add",
    4,
    'ARGS: unknown args ["IP=1.2.3.4"]',
    "begin CNI_ARGS with IgnoreUnknown=1; then each plugin skips what is for others",
  ],
  [
    "add",
    108,
    'Cannot start "/b/a": Permission denied',
    "chmod +x /b/a; if that is set: `findmnt -T /b/a` shows whether its file system is mounted noexec",
  ],
  [
    "add",
    108,
    'Cannot start "/b/a": Exec format error',
    "/b/a is empty, damaged, or for another architecture: install it again; `cnictl install --force` does for plugins of this project",
  ],
])("a failed %s with code %i and the message %j says what to do about that", (command, code, message, advice) => {
  if (command === "check") attach();
  failWith(code, message);
  expect(stage.cnictl([command, "x", "/run/netns/blue", ...options]).err).toContain(`\n  next: ${advice}`);
});

test("a check of a damaged result says what to do about it", () => {
  attach();
  const [file = ""] = fs.readdirSync(path.join(stage.directory, "cache/results"));
  stage.write(`cache/results/${file}`, "{");
  const next = "the file of its result is damaged: detach it with `cnictl del`, and attach it again";
  expect(stage.cnictl(["check", "x", "/run/netns/blue", ...options]).err).toContain(`\n  next: ${next}\n`);
});

test("a failed check with a code of somebody else tells a person the code alone", () => {
  attach();
  failWith(150, "what and why");
  expect(stage.cnictl(["check", "x", "/run/netns/blue", ...options], { terminal }).err).toBe(
    "log line\nwhat and why\n  code: 150\n",
  );
});

test("a network that is not there is answered with those that are", () => {
  const err = `no net configuration with name "bule" in ${stage.directory}/net.d\n  code: 7 (invalidConfig)\n  next: ADVICE\n`;
  const add = () => stage.cnictl(["add", "bule", "/run/netns/blue", ...options]);
  const answer = (advice: string) => ({ code: 1, out: "", err: err.replace("ADVICE", advice) });
  expect(add()).toEqual(answer("use one of the networks there: x"));
  stage.write("net.d/20-blue.conflist", { cniVersion: "1.1.0", name: "blue", plugins: [{ type: "a" }] });
  expect(add()).toEqual(answer('did you mean "blue"? Otherwise use one of the networks there: x, blue'));
});

test("a directory without networks is answered with how to name another", () => {
  const { err } = stage.cnictl(["status", "x"], { terminal, environment: { NETCONFPATH: "/nowhere" } });
  expect(err).toBe(
    "no net configurations found in /nowhere\n  code: 7 (invalidConfig)\n  next: /nowhere does not exist: put a network list there, or set NETCONFPATH to the directory of lists\n",
  );
  const NETCONFPATH = path.join(stage.directory, "net.d/x");
  stage.write("net.d/x/README", "");
  expect(stage.cnictl(["status", "x"], { environment: { NETCONFPATH } }).err).toContain(
    "  next: put a network list there, or set NETCONFPATH to its directory\n",
  );
});

test("a configuration that the second plugin refuses leaves what the first one made", () => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "b" }, { type: "a" }] });
  stage.plugin("b", () => ({ stdout: '{"cniVersion":"1.1.0"}' }));
  failWith(7, "what and why");
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options], { terminal }).err).toContain(
    `10-x.conflist\` examines it; \`cnictl del x /run/netns/blue --cache-dir ${stage.directory}/cache\` removes what may be left of it\n`,
  );
});

test.each([
  ["own-plugin", "install it with `cnictl install`, or set CNI_PATH to its directory"],
  ["own-plugni", 'did you mean "own-plugin"?'],
  ["other-plugni", 'did you mean "other-plugin"?'],
  [
    "weave-net",
    '"weave-net" is not part of this project: install it from where it comes from, or set CNI_PATH to its directory',
  ],
])("a plugin that is not there, %s, is answered with how to get it", (type, advice) => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type }] });
  stage.plugin("other-plugin");
  const build = { ...SOURCE, version: "1", names: ["own-plugin", "cnictl"], executable: "/nowhere" };
  const { err } = stage.cnictl(["add", "x", "/run/netns/blue", ...options], { build });
  expect(err).toBe(
    `plugin type="${type}" failed (add): failed to find plugin "${type}" in path [${stage.directory}/bin]\n  code: 108 (delegateFailed)\n  next: ${advice}\n`,
  );
});

test("a plugin that is in the folder of the image, but not in CNI_PATH, is answered with that folder", () => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "own-plugin" }] });
  const build = { ...SOURCE, version: "1", names: ["own-plugin"], executable: stage.write("image/own-plugin", "") };
  const environment = { NETCONFPATH: path.join(stage.directory, "net.d"), CNI_PATH: "/nowhere" };
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options], { build, environment }).err).toContain(
    `  next: ${stage.directory}/image has it: set CNI_PATH to that, or do not set it\n`,
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
    "  next: run it as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN, and for DHCP with CAP_NET_RAW\n",
  );
});

test("a bridge that conflicts is answered by its details alone: nothing is there to delete", () => {
  failWith(106, "bridge conflict", "give it another name");
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options]).err).toMatch(
    /\n {2}code: 106 \(bridgeConflict\)\n$/,
  );
});

test("the host's own namespace is answered with whose to name", () => {
  failWith(8, "plugin's netns and netns from CNI_NETNS should not be the same");
  expect(stage.cnictl(["add", "x", "/proc/1/ns/net", ...options]).err).toContain(
    "  next: this is the host's own namespace: name the container's, such as",
  );
});

test("an executable that prints no result is named", () => {
  stage.plugin("a");
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options]).err).toBe(
    `plugin type="a" failed (add): failed to unmarshal raw result: unexpected end of JSON input\n  code: 6 (decodingFailure)\n  next: ${stage.directory}/bin/a printed no result: replace it by an executable that works\n`,
  );
});

test("a network whose file is broken is answered with that file", () => {
  const file = stage.write("net.d/10-x.conflist", "{");
  const { err } = stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  expect(err).toContain(`  next: correct ${file}: \`cnictl validate ${file}\` examines it; or set NETCONFPATH to`);
});

test("an add that was refused before a plugin ran needs no clearing", () => {
  const { err } = stage.cnictl(["add", "x", "/run/netns/blue", "--container-id", "../x", ...options], { terminal });
  expect(err).toBe("invalid characters in containerID; ../x\n  code: 4 (invalidEnvironment)\n");
});
