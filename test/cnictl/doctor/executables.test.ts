import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { executableCheck } from "../../../src/cnictl/doctor/executables.ts";
import { imageCheck } from "../../../src/cnictl/doctor/image-links.ts";
import { statusCheck } from "../../../src/cnictl/doctor/readiness.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { makeWorld, type World } from "../../runtime/world.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";

const network = networkOf({ plugins: [{ type: "bridge", ipam: { type: "host-local" } }] });
const versions = JSON.stringify({ cniVersion: "1.1.0", supportedVersions: ["0.4.0", "1.0.0", "1.1.0"] });

/** The beginning of an executable with the note of the Go linker. */
const GO = "\x7fELF\x04\0\0\0Go\0\0";

let world: World;

beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.dispose());

const below = (file: string) => path.join(world.directory, file);

/** Adds a plugin that answers VERSION. */
function add(type: string, { stdout = versions, text = "image" }: { stdout?: string; text?: string } = {}): void {
  world.plugin(type, () => ({ stdout }));
  fs.writeFileSync(below(`bin/${type}`), text, { mode: 0o755 });
  fs.chmodSync(below(`bin/${type}`), 0o755);
}

function examination(networks = [network]) {
  const build = { names: ["bridge", "host-local", "cnictl"], plugins: {}, executable: below("image") };
  const edge = { build, environment: {} };
  return examinationOf(networks, { edge, runtime: { ...world.runtime, path: [below("bin"), below("more")] } });
}

test("executables that answer VERSION are as they should be, also the IPAM plugin's", () => {
  for (const type of ["bridge", "host-local"]) add(type);
  expect(executableCheck.run(examination())).toEqual([
    { level: "ok", subject: "bridge", message: `${below("bin/bridge")}, up to CNI 1.1.0, sha256 6105d6cc76af` },
    { level: "ok", subject: "host-local", message: `${below("bin/host-local")}, up to CNI 1.1.0, sha256 6105d6cc76af` },
  ]);
});

test("a missing executable is an error; STATUS is not asked then", () => {
  add("bridge");
  const examined = examination([
    networkOf({ plugins: [{ type: "bridge", ipam: { type: "host-local" } }, { type: "x" }] }),
  ]);
  expect(wrong(executableCheck.run(examined))).toEqual([
    `error host-local: no executable of that name in ${below("bin")}:${below("more")}, for networks x | cnictl install`,
    `error x: no executable of that name in ${below("bin")}:${below("more")}, for networks x | put it into ${below("bin")}, or set CNI_PATH to its folder`,
  ]);
  expect(wrong(statusCheck.run(examined))).toEqual([
    "warning x: cannot tell: plugin host-local is not called, because its executable is missing",
  ]);
});

test("a file that is not executable is an error with its cure", () => {
  for (const type of ["bridge", "host-local"]) add(type);
  fs.chmodSync(below("bin/bridge"), 0o644);
  expect(wrong(executableCheck.run(examination()))).toEqual([
    `error bridge: ${below("bin/bridge")} is not executable | chmod +x ${below("bin/bridge")}`,
  ]);
});

test("a plugin that does not speak the list's version is an error", () => {
  add("bridge", { stdout: JSON.stringify({ supportedVersions: ["0.3.1", "0.4.0"] }) });
  add("host-local");
  expect(wrong(executableCheck.run(examination()))).toEqual([
    `error bridge: ${below("bin/bridge")} does not speak version 1.1.0 of network x, only 0.3.1, 0.4.0 | set "cniVersion" of the list to 0.4.0, or install a newer bridge`,
  ]);
});

test.each(["", "{}", "nonsense", "[]"])("a plugin that answers VERSION with %j is an error", (stdout) => {
  add("bridge", { stdout });
  add("host-local");
  const examined = examination();
  expect(wrong(executableCheck.run(examined))).toEqual([
    expect.stringMatching(
      /^error bridge: .* does not answer VERSION: .* \| CNI_COMMAND=VERSION .*\/bin\/bridge <\/dev\/null$/,
    ),
  ]);
  expect(examined.silent.get("bridge")).toBe("it did not answer VERSION");
});

test("a plugin that does not end is not called for STATUS", () => {
  for (const type of ["bridge", "host-local"]) add(type);
  const examined = examination();
  const hanging = (file: string) => path.basename(file) === "bridge";
  const launch: typeof world.runtime.launch = (file, options) => ({
    ...world.runtime.launch(file, options),
    ...(hanging(file) && {
      wait: () => {
        throw new LinuxError("wait", { syscall: "poll", errno: ERRNO.ETIMEDOUT });
      },
    }),
  });
  const slow = { ...examined, runtime: { ...examined.runtime, launch } };
  expect(wrong(executableCheck.run(slow))).toEqual([expect.stringContaining("it did not end within 5 s")]);
  expect(wrong(statusCheck.run(slow))).toEqual([expect.stringContaining("cannot tell: plugin bridge is not called")]);
});

test("another executable of the same name further on in CNI_PATH is a note", () => {
  for (const type of ["bridge", "host-local"]) add(type);
  world.write("more/bridge", "another");
  world.write("more/host-local", "image");
  expect(wrong(executableCheck.run(examination()))).toEqual([
    `note bridge: ${below("bin/bridge")} is used, ${below("more/bridge")} is another file and is not`,
  ]);
});

test("links of the running image are as they should be; copies are a note", () => {
  world.write("image", "image");
  add("bridge");
  fs.linkSync(below("bin/bridge"), below("bin/host-local"));
  expect(imageCheck.run(examination())).toEqual([
    { level: "ok", subject: below("bin"), message: "one image, 2 names, sha256 6105d6cc76af" },
  ]);
  fs.rmSync(below("bin/host-local"));
  add("host-local");
  expect(wrong(imageCheck.run(examination()))).toEqual([
    `note ${below("bin")}: the plugins are 2 copies instead of links of one file, so bridge starts host-local as a process | cnictl install --dir ${below("bin")}`,
  ]);
});

test("Go plugins, other builds and other files among ours are told apart", () => {
  world.write("image", "image");
  add("cnictl");
  add("bridge", { text: GO });
  add("host-local", { text: "somebody's" });
  const folder = below("bin");
  const install = `cnictl install --dir ${folder}`;
  expect(wrong(imageCheck.run(examination()))).toEqual([
    `warning ${folder}: neither this cnictl's nor what cnictl install put there: host-local | ${install} --force`,
    `note ${folder}: Go plugins among these: bridge | ${install} --force`,
  ]);
  const images = [createHash("sha256").update("somebody's").digest("hex")];
  world.write("bin/.cni-plugins-ts.json", {
    version: "1",
    images,
    names: ["bridge", "host-local", "cnictl", "tuning"],
  });
  expect(wrong(imageCheck.run(examination()))).toEqual([
    `error ${folder}: missing, although cnictl install put it there: tuning | ${install}`,
    `note ${folder}: of another build than this cnictl: host-local | ${install}`,
    `note ${folder}: Go plugins among these: bridge | ${install} --force`,
  ]);
});

test.each([
  ["path\tgithub.com/containernetworking/plugins/plugins/meta/portmap\n", "portmap"],
  ["", "another program"],
])("a Go plugin (%j) that was copied over a link is an error, because all names are %s then", (text, plugin) => {
  world.write("image", "image");
  add("bridge", { text: `${GO}${text}` });
  for (const name of ["host-local", "cnictl"]) fs.linkSync(below("bin/bridge"), below(`bin/${name}`));
  expect(wrong(imageCheck.run(examination()))).toEqual([
    `error ${below("bin")}: all names there are one file, which is ${plugin}, made with Go: somebody copied it over a link | cnictl install --dir ${below("bin")} --force`,
  ]);
  fs.rmSync(below("bin/bridge"));
  add("bridge");
  expect(wrong(imageCheck.run(examination()))[0]).toContain(`host-local, cnictl are one file, which is ${plugin}`);
});

test("a Go program that has several names on purpose is left alone", () => {
  world.write("image", "image");
  add("bridge", { text: GO });
  fs.symlinkSync("bridge", below("bin/host-local"));
  expect(imageCheck.run(examination())).toEqual([]);
});

test("a folder with nothing of ours is left alone", () => {
  world.write("image", "image");
  add("bridge", { text: GO });
  expect(imageCheck.run(examination())).toEqual([]);
});

test("STATUS that fails is an error with the plugin's advice, and what plugins log is a note", () => {
  add("host-local");
  world.plugin("bridge", () => ({
    status: 1,
    stdout: JSON.stringify({ code: 50, msg: "no address is free", details: "delete containers" }),
    stderr: "resting: 3",
  }));
  expect(wrong(statusCheck.run(examination()))).toEqual([
    "error x: no address is free | delete containers",
    "note x: resting: 3",
  ]);
});

test("details of STATUS are a cure only if our plugins say what helps; otherwise they belong to the message", () => {
  add("host-local");
  const statusOf = (error: object, parts: Partial<ReturnType<typeof examination>> = {}) => {
    world.plugin("bridge", () => ({ status: 1, stdout: JSON.stringify(error) }));
    return wrong(statusCheck.run({ ...examination(), ...parts }));
  };
  const name = { code: 7, msg: "invalid characters found in network name", details: "my net" };
  expect(statusOf(name)).toEqual([
    "error x: invalid characters found in network name (my net) | cnictl validate /etc/cni/net.d/x.conflist",
  ]);
  expect(statusOf({ code: 1, msg: "incompatible CNI versions", details: 'config is "1.1"' })).toEqual([
    'error x: incompatible CNI versions (config is "1.1") | cnictl validate /etc/cni/net.d/x.conflist',
  ]);
  expect(statusOf({ code: 50, msg: "no", details: "it is so" }, { isOurs: () => false })).toEqual([
    "error x: no (it is so)",
  ]);
});

test("STATUS that lacks a part of the kernel has the kernel's own cure", () => {
  add("host-local");
  const msg = 'The kernel has no links of kind "veth": load its module, "modprobe veth"; and more';
  world.plugin("bridge", () => ({ status: 1, stdout: JSON.stringify({ code: 50, msg }) }));
  const lacking = new Map([["x", "use a kernel with it"]]);
  expect(wrong(statusCheck.run({ ...examination(), lacking }))).toEqual([
    'error x: The kernel has no links of kind "veth"; and more | use a kernel with it',
  ]);
});

test("a mistyped plugin is named with the one that was meant", () => {
  expect(wrong(executableCheck.run(examination([networkOf({ plugins: [{ type: "brigde" }] })])))).toEqual([
    `error brigde: no executable of that name in ${below("bin")}:${below("more")}, for networks x | did you mean "bridge"? Otherwise put it into ${below("bin")}, or set CNI_PATH to its folder`,
  ]);
});

test("STATUS is not asked of an older list", () => {
  const old = networkOf({ cniVersion: "1.0.0", plugins: [{ type: "bridge" }] });
  expect(statusCheck.run(examination([old]))).toEqual([
    { level: "ok", subject: "x", message: "not asked: version 1.0.0 has no STATUS" },
  ]);
});
