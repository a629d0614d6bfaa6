import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { binDir, Lab } from "../lab.ts";

let lab: Lab;
let target: string;

beforeEach(() => {
  lab = new Lab();
  target = path.join(lab.dir, "opt/cni/bin");
});
afterEach(() => lab.dispose());

const names = fs.readdirSync(binDir).sort();

function cnictl(from: string, ...args: string[]) {
  return lab.try([path.join(from, "cnictl"), ...args, "--dir", target]);
}

test("install puts one file under all names, each of which works, and uninstall takes them away", () => {
  expect(cnictl(binDir, "install")).toMatchObject({ status: 0, stderr: "" });
  expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
  expect(new Set(names.map((name) => fs.statSync(path.join(target, name)).ino)).size).toBe(1);
  const version = lab.plugin("host-local", { command: "VERSION", config: "", bin: target });
  expect(JSON.parse(version.stdout)).toMatchObject({ cniVersion: "1.1.0" });
  expect(cnictl(target, "uninstall")).toMatchObject({ status: 0, stderr: "" });
  expect(fs.readdirSync(target)).toEqual([]);
});

test("install works out of the directory into which it installs, while plugins run there", async () => {
  cnictl(binDir, "install");
  const environment = { CNI_COMMAND: "DEL", CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_PATH: target };
  const running = spawn(path.join(target, "host-local"), { env: environment, stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(running, "close");
  expect(cnictl(target, "install")).toMatchObject({ status: 0, stderr: "" });
  running.stdin.end(
    JSON.stringify({
      cniVersion: "1.1.0",
      name: "n",
      ipam: { type: "host-local", dataDir: lab.dataDir, subnet: "10.0.0.0/24" },
    }),
  );
  expect(await ended).toEqual([0, null]);
  expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
});

test("install leaves another project's bridge alone until it is told to replace it", () => {
  fs.mkdirSync(target, { recursive: true });
  fs.writeFileSync(path.join(target, "bridge"), "another bridge");
  expect(cnictl(binDir, "install")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: `Cannot install in ${target}: bridge there is not from cnictl install; nothing was changed\n`,
  });
  expect(cnictl(binDir, "install", "--force").status).toBe(0);
  expect(fs.statSync(path.join(target, "bridge")).ino).toBe(fs.statSync(path.join(target, "cnictl")).ino);
});

test("install without the right to write says so", () => {
  fs.mkdirSync(target, { recursive: true });
  lab.run(["chmod", "0755", lab.dir]);
  const outcome = lab.try([
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    path.join(binDir, "cnictl"),
    "install",
    "--dir",
    target,
  ]);
  expect([outcome.status, outcome.stdout]).toEqual([1, ""]);
  expect(outcome.stderr).toMatch(/^Cannot install in \S+: EACCES: permission denied/);
});
