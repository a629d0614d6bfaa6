import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Launch } from "../../src/cni/plugin-process.ts";
import { tryFlock } from "../../src/linux/flock.ts";
import { makeStage, SOURCE, type Stage } from "./stage.ts";

const MANIFEST = ".cni-plugins-ts.json";
const NAMES = ["bridge", "cnictl", "host-local"];
const PREVIOUS = ".cni-plugins-ts.old";
const terminal = { out: true };

/** The builds of `cnictl()` and `newer()`, as install names them. */
const OLD = "(v1.2.3, commit abc123def456 of 2026-01-02)";
const NEW = "(v2.0.0, commit abc123def456 of 2026-01-02)";

let stage: Stage;
let bin: string;

beforeEach(() => {
  stage = makeStage();
  bin = path.join(stage.directory, "opt/cni/bin");
  stage.write("image", "the image");
});
afterEach(() => stage.dispose());

/** What executables that work answer to VERSION. */
const works: Launch = () => answering('{"supportedVersions":["1.1.0"]}');

function answering(stdout: string, status = 0) {
  const exit = { status, signal: undefined, stdout: Buffer.from(stdout), stderr: new Uint8Array() };
  return { begin: () => {}, wait: () => exit, abandon: () => {} };
}

function cnictl(...args: string[]) {
  const cache = args[0] === "uninstall" ? ["--cache-dir", path.join(stage.directory, "cache")] : [];
  return stage.cnictl([...args, "--dir", bin, ...cache], { launch: works, environment: variables() });
}

/** With cnictl in PATH, as on a node where it is installed. */
function variables() {
  return { NETCONFPATH: path.join(stage.directory, "net.d"), PATH: path.dirname(stage.write("usr/bin/cnictl", "")) };
}

/** Another version of the image, with other names. */
function newer(names: readonly string[]) {
  const build = { ...SOURCE, version: "2.0.0", names, executable: stage.write("newer", "the newer image") };
  return (...args: string[]) =>
    stage.cnictl([...args, "--dir", bin], { build, launch: works, environment: variables() });
}

/** What a successful call says of the way back. */
function rollbackLine(): string {
  return `${bin}: \`cnictl install --rollback --dir ${bin}\` brings back what was there\n`;
}

function inodes(): number {
  return new Set(NAMES.map((name) => fs.statSync(path.join(bin, name)).ino)).size;
}

test("install puts the image in place under all its names, as one file that anyone may run", () => {
  expect(cnictl("install")).toEqual({
    ...{ code: 0, err: "" },
    out: `${bin}: created, because it did not exist\n${bin}: bridge, host-local, cnictl ${OLD}\n`,
  });
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
  expect(stage.read("opt/cni/bin/host-local")).toBe("the image");
  expect([inodes(), fs.statSync(path.join(bin, "bridge")).mode & 0o777]).toEqual([1, 0o755]);
});

describe("install, at its end", () => {
  const HINT = /: cnictl is not in PATH: PATH=\$PATH:(.*)\n$/;
  const install = (more: readonly string[] = [], PATH = "/nowhere") =>
    stage.cnictl(["install", "--dir", bin, ...more], { launch: works, environment: { ...variables(), PATH } }).out;

  test("says how a shell finds cnictl", () => {
    expect(HINT.exec(install())?.[1]).toBe(bin);
    expect(HINT.exec(install([], ""))?.[1]).toBe(bin);
  });

  test.each<[string, () => string]>([
    ["if the folder is in PATH", () => install([], `/nowhere:${bin}`)],
    ["if another folder of PATH has a cnictl", () => install([], variables().PATH)],
    ["if it has installed none", () => install(["--only", "bridge"])],
    ["in a container", () => install(["--list", stage.write("n.conflist.template", "{}")])],
  ])("does not %s", (_, call) => {
    expect(call()).not.toMatch(/PATH/);
  });
});

test("install leaves a manifest that says what is ours", () => {
  cnictl("install");
  expect(JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`))).toEqual({
    version: "1.2.3",
    // printf 'the image' | sha256sum
    images: ["97e9d7a16021e6d07fbe28cce398f5847fc00c574991fbff65d95fd5e032d389"],
    names: ["bridge", "host-local", "cnictl"],
  });
});

test("install twice is once", () => {
  cnictl("install");
  expect(cnictl("install").code).toBe(0);
  expect([stage.files("opt/cni/bin"), inodes()]).toEqual([[MANIFEST, ...NAMES], 1]);
});

test("install replaces an older version of ours, and takes away names that the new one has no more", () => {
  cnictl("install");
  expect(newer(["bridge", "cnictl"])("install").code).toBe(0);
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, PREVIOUS, "bridge", "cnictl"]);
  expect(stage.read("opt/cni/bin/bridge")).toBe("the newer image");
  expect(JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`))).toMatchObject({
    version: "2.0.0",
    names: ["bridge", "cnictl"],
  });
});

test("install never writes into a file that somebody has open", () => {
  cnictl("install");
  const fd = fs.openSync(path.join(bin, "bridge"), "r");
  newer(NAMES)("install");
  expect(fs.readFileSync(fd, "utf8")).toBe("the image");
  fs.closeSync(fd);
});

test("install leaves everything as it is where a file is not ours, and names it", () => {
  stage.write("opt/cni/bin/bridge", "the Go bridge");
  stage.write("opt/cni/bin/loopback", "the Go loopback");
  const err = `Cannot install in ${bin}: bridge there is not from cnictl install; nothing was changed: \`cnictl install --force --dir ${bin}\` replaces it, and \`cnictl install --rollback --dir ${bin}\` brings it back\n`;
  expect(cnictl("install")).toEqual({ code: 1, out: "", err });
  expect(stage.files("opt/cni/bin")).toEqual(["bridge", "loopback"]);
});

test("install takes a link to somewhere else for somebody else's", () => {
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(path.join(stage.directory, "image"), path.join(bin, "bridge"));
  expect(cnictl("install").err).toMatch(/: bridge there is not from cnictl install; nothing was changed: /);
});

test("install --force replaces what is not ours, and no more", () => {
  stage.write("opt/cni/bin/bridge", "the Go bridge");
  stage.write("opt/cni/bin/loopback", "the Go loopback");
  expect(cnictl("install", "--force").out).toBe(
    `${bin}: replaced what was not from cnictl install: bridge\n${bin}: bridge, host-local, cnictl ${OLD}\n${rollbackLine()}`,
  );
  expect([stage.read("opt/cni/bin/bridge"), stage.read("opt/cni/bin/loopback")]).toEqual([
    "the image",
    "the Go loopback",
  ]);
});

describe("the calls that install prints", () => {
  test("have every option of the call that was refused", () => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    stage.write("opt/cni/bin/cnictl", "something else");
    const more = ["--only", "bridge,cnictl", "--list", "10-n.conflist", "--stay"];
    expect(cnictl("install", ...more).err).toContain(
      `\`cnictl install --force --dir ${bin} --only bridge,cnictl --list ${stage.directory}/10-n.conflist --stay\` replaces them`,
    );
  });

  test("are quoted for a shell", () => {
    const odd = path.join(stage.directory, "it's a folder");
    stage.write("it's a folder/bridge", "the Go bridge");
    const { err } = stage.cnictl(["install", "--dir", odd]);
    const [, call = ""] = /changed: `cnictl install --force (.*?)`/.exec(err) ?? [];
    expect(execFileSync("sh", ["-c", `printf '%s|' ${call}`], { encoding: "utf8" })).toBe(`--dir|${odd}|`);
  });

  test("name the folder if a rollback is refused", () => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    cnictl("install", "--force");
    fs.rmSync(path.join(bin, "bridge"));
    stage.write("opt/cni/bin/bridge", "a third one");
    expect(cnictl("install", "--rollback").err).toContain(
      `nothing was changed: \`cnictl install --rollback --force --dir ${bin}\` replaces it\n`,
    );
  });
});

test("install does not replace a directory, even with --force", () => {
  stage.write("opt/cni/bin/bridge/file", "");
  expect(cnictl("install", "--force").err).toBe(`Cannot install in ${bin}: bridge there is a directory\n`);
  expect(stage.files("opt/cni/bin")).toEqual(["bridge"]);
});

test("install takes a copy of itself that stands there without a manifest for its own", () => {
  stage.write("opt/cni/bin/bridge", "the image");
  expect(cnictl("install").code).toBe(0);
});

describe("install over an archive that was unpacked there", () => {
  // What every build of this project has among its bytes.
  const BUILD = `another build, which writes ${MANIFEST}`;

  test("takes every file that is the same as its cnictl for ours", () => {
    for (const name of NAMES) stage.write(`opt/cni/bin/${name}`, BUILD);
    expect(cnictl("install")).toMatchObject({ code: 0, err: "" });
    expect(NAMES.map((name) => stage.read(`opt/cni/bin/${name}`))).toEqual(NAMES.map(() => "the image"));
    cnictl("install", "--rollback");
    expect(NAMES.map((name) => stage.read(`opt/cni/bin/${name}`))).toEqual(NAMES.map(() => BUILD));
  });

  test("also over an installation of ours", () => {
    cnictl("install");
    for (const name of NAMES) {
      fs.rmSync(path.join(bin, name));
      stage.write(`opt/cni/bin/${name}`, BUILD);
    }
    expect(cnictl("install")).toMatchObject({ code: 0, err: "" });
  });

  test("leaves a file that differs from that cnictl, and a cnictl that is not of this project", () => {
    stage.write("opt/cni/bin/cnictl", BUILD);
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    expect(cnictl("install").err).toMatch(/: bridge there is not from cnictl install; nothing was changed/);
    stage.write("opt/cni/bin/cnictl", "the Go bridge");
    expect(cnictl("install").err).toMatch(/: bridge, cnictl there are not from cnictl install; nothing was changed/);
  });

  test("starts nothing of it", () => {
    for (const name of NAMES) stage.write(`opt/cni/bin/${name}`, BUILD);
    const started: string[] = [];
    const launch: Launch = (file, options) => {
      started.push(fs.readFileSync(file, "utf8"));
      return works(file, options);
    };
    stage.cnictl(["install", "--dir", bin], { launch });
    expect(new Set(started)).toEqual(new Set(["the image"]));
  });
});

test("install completes what an interrupted one left", () => {
  cnictl("install");
  const manifest = JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`));
  const interrupted = {
    ...manifest,
    unfinished: true,
    images: [...manifest.images, "1120683b5e03c6b25b883639a95d608711ae289ab172b3ca01b2fe89b6761eb4"],
  };
  stage.write(`opt/cni/bin/${MANIFEST}`, interrupted);
  fs.rmSync(path.join(bin, "bridge"));
  stage.write("opt/cni/bin/bridge", "the newer image");
  expect(cnictl("install").code).toBe(0);
  expect([stage.read("opt/cni/bin/bridge"), inodes()]).toEqual(["the image", 1]);
});

test("install keeps out while another installation has its lock, and goes on after one that was killed", () => {
  const staging = path.join(bin, ".cni-plugins-ts.new");
  stage.write("opt/cni/bin/.cni-plugins-ts.new/image", "half an ima");
  const fd = fs.openSync(staging, "r");
  expect(tryFlock(fd)).toBe(true);
  const outcome = stage.cnictl(["install", "--dir", bin], { terminal });
  expect(outcome.err).toBe(
    `Cannot change ${bin}: another installation is running there\n  next: wait until it ends, or remove ${staging} if none is running\n`,
  );
  fs.closeSync(fd);
  expect(cnictl("install").code).toBe(0);
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
});

test("install writes nothing through a link in the place of its own folders", () => {
  const elsewhere = path.join(stage.directory, "elsewhere");
  stage.write("elsewhere/bridge", "somebody else's");
  fs.mkdirSync(bin, { recursive: true });
  for (const name of [".cni-plugins-ts.new", PREVIOUS]) fs.symlinkSync(elsewhere, path.join(bin, name));
  stage.write("opt/cni/bin/bridge", "the Go bridge");
  expect(cnictl("install", "--force").code).toBe(0);
  expect([stage.files("elsewhere"), stage.read("elsewhere/bridge")]).toEqual([["bridge"], "somebody else's"]);
});

test("install refuses a directory that is a link, and names where it leads", () => {
  fs.mkdirSync(path.join(stage.directory, "usr/lib/cni"), { recursive: true });
  fs.mkdirSync(path.dirname(bin), { recursive: true });
  fs.symlinkSync(path.join(stage.directory, "usr/lib/cni"), bin);
  const target = fs.realpathSync(bin);
  expect(cnictl("install", "--force").err).toBe(
    `Cannot use ${bin}: it is a link to ${target}; nothing was changed: --dir ${target} uses that\n`,
  );
  expect(stage.files("usr/lib/cni")).toEqual([]);
});

describe("install, where a name has this executable already", () => {
  test("leaves its file as it is, and says so", () => {
    cnictl("install");
    const before = NAMES.map((name) => fs.statSync(path.join(bin, name), { bigint: true }).ctimeNs);
    expect(cnictl("install").out).toBe(`${bin}: unchanged: bridge, host-local, cnictl ${OLD}\n`);
    expect(NAMES.map((name) => fs.statSync(path.join(bin, name), { bigint: true }).ctimeNs)).toEqual(before);
  });

  test("replaces the others by a link to it", () => {
    cnictl("install");
    fs.rmSync(path.join(bin, "bridge"));
    expect(cnictl("install").out).toContain(`: bridge ${OLD}\n${bin}: unchanged: host-local, cnictl`);
    expect(inodes()).toBe(1);
  });
});

describe("install, before it replaces anything", () => {
  test("starts the new executable under each name, beside the files that it will replace", () => {
    const started: string[] = [];
    const launch: Launch = (file, options) => {
      started.push(file);
      return works(file, options);
    };
    expect(stage.cnictl(["install", "--dir", bin], { launch }).code).toBe(0);
    expect(started.map((file) => path.relative(bin, file)).sort()).toEqual(
      NAMES.map((name) => `.cni-plugins-ts.new/${name}`),
    );
  });

  test.each<[string, Launch]>([
    ["it ends with 1", () => answering("", 1)],
    ["it does not answer VERSION", () => answering("{}")],
    [
      "EACCES",
      () => {
        throw new Error("EACCES");
      },
    ],
  ])("changes nothing where that does not work: %s", (reason, launch) => {
    cnictl("install");
    const build = { ...SOURCE, version: "2.0.0", names: NAMES, executable: stage.write("newer", "the newer image") };
    const { code, err } = stage.cnictl(["install", "--dir", bin], { build, launch });
    const what = `the new "bridge" does not work on this host: ${reason}; nothing was changed`;
    expect([code, err.split("\n")[0]]).toEqual([1, `Cannot install in ${bin}: ${what}`]);
    expect([stage.files("opt/cni/bin"), stage.read("opt/cni/bin/bridge")]).toEqual([[MANIFEST, ...NAMES], "the image"]);
  });
});

describe("install --only", () => {
  test("installs these names, and leaves the others as they are", () => {
    cnictl("install");
    expect(newer(NAMES)("install", "--only", "bridge,host-local").code).toBe(0);
    expect(NAMES.map((name) => stage.read(`opt/cni/bin/${name}`))).toEqual([
      "the newer image",
      "the image",
      "the newer image",
    ]);
    expect(newer(NAMES)("install").out).toContain(`: cnictl ${NEW}\n${bin}: unchanged: bridge, host-local`);
  });

  test("does not look at files of other names, and uninstall removes what it installed", () => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    expect(cnictl("install", "--only=host-local").code).toBe(0);
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, "bridge", "host-local"]);
    expect(cnictl("uninstall").out).toBe(`${bin}: removed host-local\n`);
    expect(stage.read("opt/cni/bin/bridge")).toBe("the Go bridge");
  });

  test.each([
    ["macvlan", 'unknown name "macvlan" in --only; known are bridge, host-local, cnictl'],
    ["host-local,brigde", 'unknown name "brigde" in --only; did you mean "bridge"?\n'],
    [",", "--only needs a name"],
  ])("refuses %j", (names, message) => {
    expect(cnictl("install", "--only", names)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });
});

describe("install --rollback", () => {
  test("brings back the files of others that were replaced, and removes the names that were free", () => {
    const four = newer([...NAMES, "macvlan"]);
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    fs.symlinkSync("bridge", path.join(bin, "host-local"));
    four("install", "--force");
    expect(cnictl("install", "--rollback")).toMatchObject({
      ...{ code: 0, err: "" },
      out: expect.stringContaining(`${bin}: brought back bridge, host-local\n${bin}: removed macvlan\n`),
    });
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
    expect([stage.read("opt/cni/bin/bridge"), fs.readlinkSync(path.join(bin, "host-local"))]).toEqual([
      "the Go bridge",
      "bridge",
    ]);
  });

  test("keeps cnictl and says why; uninstall removes it, and an installation counts it as ours", () => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    cnictl("install", "--force");
    expect(cnictl("install", "--rollback").out).toBe(
      `${bin}: brought back bridge\n${bin}: removed host-local\n${bin}: kept cnictl: when containers that these plugins attached are deleted, \`cnictl clean\` removes what is left of them\n`,
    );
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, "bridge", "cnictl"]);
    expect(JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`))).toMatchObject({ version: "1.2.3", names: ["cnictl"] });
    expect(cnictl("install", "--rollback").err).toMatch(
      /: nothing is kept there; `cnictl uninstall .*` removes cnictl\n/,
    );
    expect(newer(NAMES)("install").err).toMatch(/: bridge there is not from cnictl install/);
    fs.cpSync(bin, path.join(stage.directory, "copy"), { recursive: true });
    expect(stage.cnictl(["uninstall", "--dir", path.join(stage.directory, "copy")]).out).toMatch(/: removed cnictl\n$/);
    expect(stage.files("copy")).toEqual(["bridge"]);
    expect(newer(NAMES)("install", "--force").code).toBe(0);
    cnictl("install", "--rollback");
    expect(NAMES.map((name) => fs.existsSync(path.join(bin, name)) && stage.read(`opt/cni/bin/${name}`))).toEqual([
      ...["the Go bridge", "the image", false],
    ]);
  });

  test("keeps cnictl beside the names that an earlier version had", () => {
    cnictl("install", "--only", "bridge");
    newer(NAMES)("install");
    cnictl("install", "--rollback");
    expect([stage.read("opt/cni/bin/bridge"), stage.read("opt/cni/bin/cnictl")]).toEqual([
      "the image",
      "the newer image",
    ]);
    expect(cnictl("uninstall").out).toBe(`${bin}: removed bridge, cnictl\n`);
  });

  test("has nothing to say of uninstall where nothing is installed", () => {
    fs.mkdirSync(bin, { recursive: true });
    expect(cnictl("install", "--rollback").err).toBe(`Cannot roll back ${bin}: nothing is kept there\n`);
  });

  test("brings back the earlier version, its names and its manifest", () => {
    cnictl("install");
    const manifest = stage.read(`opt/cni/bin/${MANIFEST}`);
    newer(["bridge", "cnictl", "macvlan"])("install");
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, PREVIOUS, "bridge", "cnictl", "macvlan"]);
    expect(cnictl("install", "--rollback").code).toBe(0);
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
    expect(stage.read("opt/cni/bin/bridge")).toBe("the image");
    expect(JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`))).toEqual(JSON.parse(manifest));
    expect(cnictl("install", "--rollback").err).toBe(
      `Cannot roll back ${bin}: nothing is kept there; \`cnictl uninstall --dir ${bin}\` removes the plugins\n`,
    );
  });

  test("leaves what was changed since the installation, except with --force", () => {
    cnictl("install");
    newer(NAMES)("install");
    fs.rmSync(path.join(bin, "bridge"));
    stage.write("opt/cni/bin/bridge", "a third one");
    expect(cnictl("install", "--rollback").err).toMatch(/: bridge there was changed since the installation; nothing/);
    expect([stage.read("opt/cni/bin/bridge"), stage.read("opt/cni/bin/cnictl")]).toEqual([
      "a third one",
      "the newer image",
    ]);
    expect(cnictl("install", "--rollback", "--force").code).toBe(0);
    expect(stage.read("opt/cni/bin/bridge")).toBe("the image");
  });

  test("after an interrupted installation that was repeated, what was there before the first stays kept", () => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    stage.write("opt/cni/bin/cnictl", "an old cnictl");
    cnictl("install", "--force");
    // As if it had been killed after the first name.
    const manifest = JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`));
    stage.write(`opt/cni/bin/${MANIFEST}`, { ...manifest, unfinished: true });
    fs.rmSync(path.join(bin, "cnictl"));
    stage.write("opt/cni/bin/cnictl", "an old cnictl");
    fs.rmSync(path.join(bin, "host-local"));
    expect(newer(NAMES)("install", "--force").code).toBe(0);
    expect(JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`)).unfinished).toBeUndefined();
    expect(cnictl("install", "--rollback").code).toBe(0);
    expect(stage.files("opt/cni/bin")).toEqual(["bridge", "cnictl"]);
    expect([stage.read("opt/cni/bin/bridge"), stage.read("opt/cni/bin/cnictl")]).toEqual([
      "the Go bridge",
      "an old cnictl",
    ]);
  });

  test("twice is once, where the first was killed at its end", () => {
    cnictl("install");
    newer(NAMES)("install");
    fs.cpSync(path.join(bin, PREVIOUS), path.join(stage.directory, "kept"), { recursive: true });
    cnictl("install", "--rollback");
    fs.cpSync(path.join(stage.directory, "kept"), path.join(bin, PREVIOUS), { recursive: true });
    expect(cnictl("install", "--rollback").code).toBe(0);
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
  });
});

describe("installations of one image, one after the other", () => {
  /** The files of the Go plugins, and what they were before. */
  function putGo(): () => readonly string[] {
    const names = ["bridge", "host-local"];
    for (const name of names) stage.write(`opt/cni/bin/${name}`, `the Go ${name}`);
    return () => names.map((name) => stage.read(`opt/cni/bin/${name}`));
  }

  test.each([
    [
      "of some names each",
      [
        ["--only", "bridge"],
        ["--only", "host-local,cnictl"],
      ],
    ],
    ["of some names, and a whole one", [["--only", "bridge"], []]],
    ["of some names, repeated", [["--only", "bridge"], ["--only", "bridge"], []]],
    ["whole, and of a name", [[], ["--only", "bridge"]]],
  ])("are one step for --rollback: %s", (_, calls) => {
    const contents = putGo();
    for (const more of calls) expect(cnictl("install", "--force", ...more).code).toBe(0);
    expect(contents()).toEqual(["the image", "the image"]);
    expect(cnictl("install", "--rollback").out).toContain(": brought back bridge, host-local\n");
    expect(contents()).toEqual(["the Go bridge", "the Go host-local"]);
  });

  test("keep the Go plugins of all of them when they are uninstalled", () => {
    putGo();
    for (const name of ["bridge", "host-local"]) cnictl("install", "--force", "--only", name);
    expect(cnictl("uninstall").out).toContain(`left ${PREVIOUS}, which has what was there before: bridge, host-local`);
  });

  test("bring back the earlier version whole, after a part of it had the new one", () => {
    cnictl("install");
    newer(NAMES)("install", "--only", "bridge");
    newer(NAMES)("install");
    cnictl("install", "--rollback");
    expect(NAMES.map((name) => stage.read(`opt/cni/bin/${name}`))).toEqual(NAMES.map(() => "the image"));
  });

  test("keep what somebody has put there since, instead of what was there before", () => {
    const contents = putGo();
    cnictl("install", "--force");
    for (const name of ["bridge", "cnictl"]) {
      fs.rmSync(path.join(bin, name));
      stage.write(`opt/cni/bin/${name}`, `a newer Go ${name}`);
    }
    expect(cnictl("install", "--force").code).toBe(0);
    cnictl("install", "--rollback");
    expect([...contents(), stage.read("opt/cni/bin/cnictl")]).toEqual([
      "a newer Go bridge",
      "the Go host-local",
      "a newer Go cnictl",
    ]);
  });

  test("end with one of another image, also of one that was there earlier", () => {
    const contents = putGo();
    cnictl("install", "--force");
    newer(NAMES)("install", "--only", "bridge");
    cnictl("install", "--only", "bridge");
    cnictl("install", "--rollback");
    expect(contents()).toEqual(["the newer image", "the image"]);
  });
});

describe("install --list", () => {
  const list = { cniVersion: "1.0.0", name: "n", plugins: [{ type: "bridge" }] };

  test("puts a network list beside the others, whole, and leaves an equal one as it is", () => {
    const file = stage.write("config/10-n.conflist", list);
    expect(cnictl("install", "--list", file).out).toContain(`${stage.directory}/net.d: 10-n.conflist\n`);
    expect(stage.read("net.d/10-n.conflist")).toBe(JSON.stringify(list));
    const before = fs.statSync(path.join(stage.directory, "net.d/10-n.conflist"), { bigint: true }).ctimeNs;
    expect(cnictl("install", "--list", file).out).toContain("net.d: unchanged: 10-n.conflist\n");
    expect(fs.statSync(path.join(stage.directory, "net.d/10-n.conflist"), { bigint: true }).ctimeNs).toBe(before);
    expect(stage.files("net.d")).toEqual(["10-n.conflist"]);
  });

  test("takes a template as it is, also through links, as a ConfigMap has them", () => {
    stage.write("config/..data/n.conflist.template", "{{.PodCIDR}}");
    const link = path.join(stage.directory, "config/n.conflist.template");
    fs.symlinkSync("..data/n.conflist.template", link);
    expect(cnictl("install", "--list", link).code).toBe(0);
    expect(stage.read("net.d/n.conflist.template")).toBe("{{.PodCIDR}}");
  });

  test("refuses a list that is none, once the plugins are there", () => {
    stage.write("net.d/10-n.conflist", list);
    const file = stage.write("config/10-n.conflist", "{");
    const { code, err } = cnictl("install", "--list", file);
    expect([code, err]).toEqual([1, expect.stringContaining(`unexpected end of JSON input; ${file}:1:2\n`)]);
    expect(stage.read("net.d/10-n.conflist")).toBe(JSON.stringify(list));
    expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
  });

  test("writes nothing into what else has the name", () => {
    const elsewhere = stage.write("elsewhere", "somebody else's");
    stage.write("net.d/other", "");
    fs.symlinkSync(elsewhere, path.join(stage.directory, "net.d/10-n.conflist"));
    expect(cnictl("install", "--list", stage.write("config/10-n.conflist", list)).err).toMatch(/: it is no file\n$/);
    expect(stage.read("elsewhere")).toBe("somebody else's");
  });
});

describe("uninstall, if install had replaced files of others", () => {
  beforeEach(() => {
    stage.write("opt/cni/bin/bridge", "the Go bridge");
    cnictl("install", "--force");
  });

  test("leaves these, and says each time how they come back", () => {
    const left = `${bin}: left ${PREVIOUS}, which has what was there before: bridge
${bin}: \`cp -a ${bin}/${PREVIOUS}/* ${bin}\` brings that back, and so does \`cnictl install --rollback --dir ${bin}\` with the cnictl of a release
`;
    expect(cnictl("uninstall").out).toBe(`${bin}: removed bridge, host-local, cnictl\n${left}`);
    expect(stage.read(`opt/cni/bin/${PREVIOUS}/bridge`)).toBe("the Go bridge");
    expect(cnictl("uninstall").out).toBe(`${bin}: nothing of ours is installed there\n${left}`);
  });

  test("they come back by the command that it prints", () => {
    const [, copy = ""] = /: `(cp .*?)`/.exec(cnictl("uninstall").out) ?? [];
    execFileSync("sh", ["-c", copy]);
    expect([stage.files("opt/cni/bin"), stage.read("opt/cni/bin/bridge")]).toEqual([
      [PREVIOUS, "bridge"],
      "the Go bridge",
    ]);
  });

  test("they come back by a rollback", () => {
    cnictl("uninstall");
    expect(cnictl("install", "--rollback")).toMatchObject({ code: 0, out: `${bin}: brought back bridge\n` });
    expect(stage.files("opt/cni/bin")).toEqual(["bridge"]);
  });
});

describe("uninstall, while attachments are alive", () => {
  function attach(containerId: string, plugins: readonly object[], netns = "/run/netns/x") {
    const config = Buffer.from(JSON.stringify({ cniVersion: "1.0.0", name: "net1", plugins })).toString("base64");
    stage.write(`cache/results/net1-${containerId}-eth0`, {
      ...{ kind: "cniCacheV1", containerId, ifName: "eth0", networkName: "net1", netns, config, result: {} },
    });
  }
  const uninstall = (...more: string[]) =>
    stage.cnictl(["uninstall", "--dir", bin, "--cache-dir", path.join(stage.directory, "cache"), ...more], {
      isLiving: (netns) => netns !== "/run/netns/gone",
    });

  beforeEach(() => {
    cnictl("install");
  });

  test("names up to three whose DEL needs a plugin that is gone now", () => {
    for (const id of ["c1", "c2", "c3", "c4", "c5"]) attach(id, [{ type: "bridge" }]);
    expect(uninstall()).toEqual({
      ...{ code: 0, err: "" },
      out: `${bin}: removed bridge, host-local, cnictl\n${bin}: 5 attachments are alive, and their DEL needs plugins of these names: net1 c1 eth0, net1 c2 eth0, net1 c3 eth0 and 2 more\n`,
    });
  });

  test("counts those that only use an IPAM plugin of it", () => {
    attach("c1", [{ type: "calico", ipam: { type: "host-local" } }]);
    attach("c2", [{ type: "calico", ipam: { type: "calico-ipam" } }]);
    expect(uninstall().out).toMatch(
      /: 1 attachment is alive, and its DEL needs plugins of these names: net1 c1 eth0\n/,
    );
  });

  test("says nothing of one whose namespace is gone, or without results", () => {
    attach("c1", [{ type: "bridge" }], "/run/netns/gone");
    expect(uninstall().out).toBe(`${bin}: removed bridge, host-local, cnictl\n`);
    cnictl("install");
    fs.rmSync(path.join(stage.directory, "cache"), { recursive: true });
    expect(uninstall().out).toBe(`${bin}: removed bridge, host-local, cnictl\n`);
  });

  test("is not stopped by results that cannot be listed", () => {
    stage.write("cache/results", "a file");
    expect(uninstall()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/: cannot tell which attachments are alive: Cannot list the result cache: ENOTDIR/),
    });
  });

  test("says nothing if it removes cnictl alone", () => {
    attach("c1", [{ type: "bridge" }]);
    cnictl("uninstall");
    cnictl("install", "--only", "cnictl");
    expect(uninstall().out).toBe(`${bin}: removed cnictl\n`);
  });
});

test("uninstall refuses a folder that does not exist", () => {
  expect(cnictl("uninstall")).toEqual({ code: 1, out: "", err: `Cannot uninstall from ${bin}: it does not exist\n` });
});

test("uninstall removes what it keeps of its own earlier version", () => {
  cnictl("install");
  newer(NAMES)("install");
  expect(cnictl("uninstall").code).toBe(0);
  expect(stage.files("opt/cni/bin")).toEqual([]);
});

test("install from source is refused", () => {
  const build = { ...SOURCE, version: "from source", names: [], executable: "/proc/self/exe" };
  expect(stage.cnictl(["install", "--dir", bin], { build, terminal })).toEqual({
    code: 1,
    out: "",
    err: "Cannot install: this is not a built executable\n  next: build it with `npm run build`, then run `dist/bin/cnictl install`\n",
  });
});

test("install says what is wrong with a manifest that makes no sense", () => {
  stage.write(`opt/cni/bin/${MANIFEST}`, "{");
  expect(cnictl("install").err).toBe(
    `Cannot read ${bin}/${MANIFEST}: unexpected end of JSON input\n  next: remove it, and run \`cnictl install --force --dir ${bin}\`\n`,
  );
});

test("uninstall takes away what install put in place, and nothing else", () => {
  stage.write("opt/cni/bin/loopback", "the Go loopback");
  cnictl("install");
  expect(cnictl("uninstall")).toEqual({ code: 0, out: `${bin}: removed bridge, host-local, cnictl\n`, err: "" });
  expect(stage.files("opt/cni/bin")).toEqual(["loopback"]);
});

test("uninstall leaves what was changed since", () => {
  cnictl("install");
  fs.rmSync(path.join(bin, "bridge"));
  stage.write("opt/cni/bin/bridge", "the Go bridge, back");
  expect(cnictl("uninstall").out).toBe(`${bin}: removed host-local, cnictl\n${bin}: left bridge, changed since\n`);
  expect(stage.files("opt/cni/bin")).toEqual(["bridge"]);
});

test("uninstall does without what is gone already, and twice is once", () => {
  cnictl("install");
  fs.rmSync(path.join(bin, "bridge"));
  expect(cnictl("uninstall").out).toBe(`${bin}: removed host-local, cnictl\n`);
  expect(cnictl("uninstall")).toEqual({ code: 0, out: `${bin}: nothing of ours is installed there\n`, err: "" });
});

test("uninstall removes nothing outside the directory, whatever the manifest says", () => {
  cnictl("install");
  const manifest = JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`));
  stage.write(`opt/cni/bin/${MANIFEST}`, { ...manifest, names: ["../../../image", "bridge"] });
  expect(cnictl("uninstall").out).toBe(`${bin}: removed bridge\n`);
  expect(stage.read("image")).toBe("the image");
});
