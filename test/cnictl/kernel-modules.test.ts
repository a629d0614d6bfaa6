import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readModules } from "../../src/cnictl/kernel-modules.ts";

let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "cni-modules-"));
  write("proc/sys/kernel/osrelease", "6.1.0-9\n");
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  fs.writeFileSync(path.join(root, file), text);
}

function writeFiles(): void {
  write("lib/modules/6.1.0-9/modules.builtin", "kernel/net/ipv4/nft-masq.ko\n");
  write(
    "lib/modules/6.1.0-9/modules.dep",
    "kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz\nkernel/drivers/net/ifb.ko:\n",
  );
}

test("readModules() tells what is loaded, built in, only a file, and nowhere", () => {
  write("proc/modules", "veth 45056 0 - Live 0x0000000000000000\n");
  writeFiles();
  const { find, isModular, release } = readModules(root);
  expect(["veth", "nft_masq", "bridge", "ifb", "stp", "nft_nat"].map(find)).toEqual([
    "present",
    "present",
    "loadable",
    "loadable",
    "missing",
    "missing",
  ]);
  expect([isModular, release]).toEqual([true, "6.1.0-9"]);
});

test("readModules() knows only what is loaded without the running kernel's folder", () => {
  write("proc/modules", "veth 45056 0 - Live 0x0000000000000000\n");
  write("lib/modules/6.1.0-8/modules.dep", "kernel/net/bridge/bridge.ko:\n");
  expect(["veth", "bridge"].map(readModules(root).find)).toEqual(["present", "unknown"]);
});

test("readModules() knows nothing of a kernel without modules", () => {
  expect(readModules(root)).toMatchObject({ isModular: false, obstacle: undefined });
  expect(readModules(root).find("bridge")).toBe("unknown");
});

test("readModules() says why no module is loaded", () => {
  write("proc/sys/kernel/modprobe", "\n");
  expect(readModules(root).obstacle).toBe("kernel.modprobe is empty");
  write("proc/sys/kernel/modules_disabled", "1\n");
  expect(readModules(root).obstacle).toBe("kernel.modules_disabled is 1 until the next boot");
  write("proc/sys/kernel/modprobe", "/sbin/modprobe\n");
  write("proc/sys/kernel/modules_disabled", "0\n");
  expect(readModules(root).obstacle).toBeUndefined();
});
