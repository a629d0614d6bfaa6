import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Call, Lab } from "../lab.ts";
import { pathFor, rulesAbout } from "./masquerading.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** Commands of iptables that wait where a real one would wait for its turn: until there is a file "go". */
function slowPath(): string {
  const folder = path.join(lab.dir, "slow");
  fs.mkdirSync(folder);
  const go = path.join(folder, "go");
  for (const family of ["iptables", "ip6tables"]) {
    for (const command of [`${family}-restore`, `${family}-nft-restore`]) {
      const script = `#!/bin/sh\ntouch ${folder}/begun\nuntil [ -e ${go} ]; do sleep 0.05; done\nexec /usr/sbin/${family}-nft-restore "$@"\n`;
      fs.writeFileSync(path.join(folder, command), script, { mode: 0o755 });
    }
    for (const command of [family, `${family}-nft`])
      fs.symlinkSync(`/usr/sbin/${family}-nft`, path.join(folder, command));
  }
  return folder;
}

const chained = {
  firewall: { backend: "iptables" },
  portmap: {
    backend: "iptables",
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
  },
};

const plugins = ["bridge", "firewall", "portmap"] as const;

function callOf(plugin: (typeof plugins)[number], command: string, more: Partial<Call> = {}): Call {
  const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.1.2.0/24" };
  const net = { cniVersion: "1.1.0", name: "net1" };
  const bridge = {
    ...net,
    type: "bridge",
    bridge: "br0",
    isGateway: true,
    ipMasq: plugin === "bridge",
    ipMasqBackend: "iptables",
    ipam,
  };
  if (plugin === "bridge") return { command, config: bridge, netns, ...more };
  return { command, config: { ...net, type: plugin, ...chained[plugin], prevResult }, netns, ...more };
}

let prevResult: unknown;

/** The container attached, where a chained plugin is called. */
function prepare(plugin: (typeof plugins)[number]): void {
  if (plugin === "bridge") return;
  const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.1.2.0/24" };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
  const { stdout, status } = lab.plugin("bridge", { command: "ADD", config, netns });
  expect(status, stdout).toBe(0);
  prevResult = JSON.parse(stdout);
}

/** Begins an ADD and kills it once `isWaiting`. */
async function killed(
  plugin: (typeof plugins)[number],
  PATH: string,
  isWaiting: (pid: number) => boolean,
): Promise<void> {
  const { pid, ended } = lab.start(plugin, callOf(plugin, "ADD", { environment: { PATH } }));
  const deadline = performance.now() + 30_000;
  while (!isWaiting(pid) && performance.now() < deadline) await sleep(10);
  process.kill(pid, "SIGKILL");
  expect(await ended).toMatchObject({ signal: "SIGKILL" });
}

const rules = () => rulesAbout(lab, "10.1.2.2", "id: c1");

for (const plugin of plugins) {
  for (const command of ["DEL", "GC"]) {
    it(`${command} of ${plugin} waits for the commands that a killed ADD began, and leaves nothing of them`, async () => {
      prepare(plugin);
      const folder = slowPath();
      const PATH = `${folder}:${process.env["PATH"]}`;
      await killed(plugin, PATH, () => fs.existsSync(path.join(folder, "begun")));
      const config = { ...Object(callOf(plugin, command).config), "cni.dev/valid-attachments": [] };
      const call = callOf(plugin, command, { config, netns: "", environment: { PATH } });
      const { ended } = lab.start(plugin, call);
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      await sleep(500);
      expect(isOver).toBe(false);
      fs.writeFileSync(path.join(folder, "go"), "");
      expect(await ended).toMatchObject({ status: 0, stdout: "" });
      while (lab.processes().length > 0) await sleep(10);
      expect(rules()).toEqual([]);
    });
  }
}

it("DEL leaves nothing of an ADD that was killed while its command waited for the lock of iptables-legacy", async () => {
  const PATH = pathFor(lab, "legacy");
  const lock = path.join(lab.dir, "xtables.lock");
  const held = path.join(lab.dir, "held");
  const holder = lab.start("bridge", {
    ...callOf("bridge", "VERSION"),
    wrapper: ["flock", lock, "sh", "-c", `touch ${held}; until [ -e ${held}.go ]; do sleep 0.05; done; exec "$0"`],
  });
  while (!fs.existsSync(held)) await sleep(10);
  await killed("bridge", PATH, () => lab.processes().some((pid) => commandOf(pid).includes("restore")));
  const { ended } = lab.start("bridge", callOf("bridge", "DEL", { environment: { PATH } }));
  await sleep(300);
  fs.writeFileSync(`${held}.go`, "");
  expect(await ended).toMatchObject({ status: 0, stdout: "" });
  await holder.ended;
  while (lab.processes().length > 0) await sleep(10);
  expect(rules()).toEqual([]);
});

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
