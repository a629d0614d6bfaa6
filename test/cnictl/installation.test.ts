import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStage, SOURCE, type Stage } from "./stage.ts";

const MANIFEST = ".cni-plugins-ts.json";
const NAMES = ["bridge", "cnictl", "host-local"];
const terminal = { out: true, err: true };

let stage: Stage;
let bin: string;

beforeEach(() => {
  stage = makeStage();
  bin = path.join(stage.directory, "opt/cni/bin");
  stage.write("image", "the image");
});
afterEach(() => stage.dispose());

function cnictl(...args: string[]) {
  return stage.cnictl([...args, "--dir", bin]);
}

/** Another version of the image, with other names. */
function newer(names: readonly string[]) {
  const build = { ...SOURCE, version: "2.0.0", names, executable: stage.write("newer", "the newer image") };
  return (...args: string[]) => stage.cnictl([...args, "--dir", bin], { build });
}

function inodes(): number {
  return new Set(NAMES.map((name) => fs.statSync(path.join(bin, name)).ino)).size;
}

test("install puts the image in place under all its names, as one file that anyone may run", () => {
  expect(cnictl("install")).toEqual({ code: 0, out: `${bin}: bridge, host-local, cnictl (1.2.3)\n`, err: "" });
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
  expect(stage.read("opt/cni/bin/host-local")).toBe("the image");
  expect([inodes(), fs.statSync(path.join(bin, "bridge")).mode & 0o777]).toEqual([1, 0o755]);
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
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, "bridge", "cnictl"]);
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
  const err = `Cannot install in ${bin}: bridge there is not from cnictl install; nothing was changed\n`;
  expect(cnictl("install")).toEqual({ code: 1, out: "", err });
  expect(stage.files("opt/cni/bin")).toEqual(["bridge", "loopback"]);
  expect(stage.cnictl(["install", "--dir", bin], { terminal }).err).toBe(
    `${err}  next: \`cnictl install --force\` replaces them; keep a copy if you want them back\n`,
  );
});

test("install takes a link to somewhere else for somebody else's", () => {
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(path.join(stage.directory, "image"), path.join(bin, "bridge"));
  expect(cnictl("install").err).toMatch(/: bridge there is not from cnictl install; nothing was changed\n$/);
});

test("install --force replaces what is not ours, and no more", () => {
  stage.write("opt/cni/bin/bridge", "the Go bridge");
  stage.write("opt/cni/bin/loopback", "the Go loopback");
  expect(cnictl("install", "--force").out).toBe(
    `${bin}: replaced what was not from cnictl install: bridge\n${bin}: bridge, host-local, cnictl (1.2.3)\n`,
  );
  expect([stage.read("opt/cni/bin/bridge"), stage.read("opt/cni/bin/loopback")]).toEqual([
    "the image",
    "the Go loopback",
  ]);
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

test("install completes what an interrupted one left", () => {
  cnictl("install");
  const manifest = JSON.parse(stage.read(`opt/cni/bin/${MANIFEST}`));
  const interrupted = {
    ...manifest,
    images: [...manifest.images, "1120683b5e03c6b25b883639a95d608711ae289ab172b3ca01b2fe89b6761eb4"],
  };
  stage.write(`opt/cni/bin/${MANIFEST}`, interrupted);
  fs.rmSync(path.join(bin, "bridge"));
  stage.write("opt/cni/bin/bridge", "the newer image");
  expect(cnictl("install").code).toBe(0);
  expect([stage.read("opt/cni/bin/bridge"), inodes()]).toEqual(["the image", 1]);
});

test("install keeps out while another installation is at work, but not when that was abandoned", () => {
  const staging = path.join(bin, ".cni-plugins-ts.new");
  stage.write("opt/cni/bin/.cni-plugins-ts.new/image", "half an ima");
  const outcome = stage.cnictl(["install", "--dir", bin], { terminal });
  expect(outcome.err).toBe(
    `Cannot install in ${bin}: another installation is running there\n  next: wait until it ends, or remove ${staging} if none is running\n`,
  );
  const hourAgo = new Date(Date.now() - 3_600_000);
  fs.utimesSync(staging, hourAgo, hourAgo);
  expect(cnictl("install").code).toBe(0);
  expect(stage.files("opt/cni/bin")).toEqual([MANIFEST, ...NAMES]);
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
  expect(cnictl("install").err).toBe(`Cannot read ${bin}/${MANIFEST}: unexpected end of JSON input\n`);
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
