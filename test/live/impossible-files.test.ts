import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  fs.writeFileSync(path.join(lab.dir, "file"), "");
  fs.symlinkSync("loop", path.join(lab.dir, "loop"));
});

afterEach(() => lab.dispose());

/** Where no folder is, and none can be made. */
const PLACES = ["file", "file/x", "loop", "loop/x", "d".repeat(256)];

const prevResult = { cniVersion: "1.1.0", interfaces: [], ips: [] };

const configs: Readonly<Record<string, (dataDir: string) => object>> = {
  tuning: (dataDir) => ({ dataDir, mtu: 1400, prevResult }),
  "host-local": (dataDir) => ({ ipam: { type: "host-local", subnet: "10.1.2.0/24", dataDir } }),
  bridge: (dataDir) => ({ bridge: "br0", ipam: { type: "host-local", subnet: "10.1.2.0/24", dataDir } }),
};

function run(plugin: string, command: string, place: string, more: Partial<Call> = {}): Outcome {
  const own = configs[plugin]?.(path.join(lab.dir, place)) ?? {};
  const config = { cniVersion: "1.1.0", name: "net1", type: plugin, "cni.dev/valid-attachments": [], ...own };
  return lab.plugin(plugin, { command, config, netns, ...more });
}

describe.each(Object.keys(configs))("%s with a dataDir that cannot be", (plugin) => {
  it.each(PLACES)(
    "%s: ADD says so and leaves nothing, DEL and GC have nothing to do, STATUS says that ADD cannot be served",
    (place) => {
      const ifname = plugin === "tuning" ? "lo" : "eth0";
      const before = tracesOf(lab, [netns]);
      const { code, msg } = errorOf(run(plugin, "ADD", place, { ifname }));
      expect([103, 107]).toContain(code);
      expect(msg).toMatch(
        /^Cannot .*: (not a directory|Not a directory|a file is in its place|too many symbolic links|Too many levels|the name is too long|File name too long|File exists)/,
      );
      for (const command of ["DEL", "GC"])
        expect(run(plugin, command, place, { ifname }), command).toMatchObject({ status: 0, stdout: "" });
      expect(tracesOf(lab, [netns])).toEqual(before);
      expect(errorOf(run(plugin, "STATUS", place)).code).toBe(50);
    },
  );
});

describe("tuning DEL", () => {
  it("ends where the id is too long for a file's name, and gives the interface back what it had", () => {
    lab.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"], netns);
    const containerId = "a".repeat(246);
    const mtu = () => Object(lab.ip("link show eth0", netns)[0]).mtu;
    expect(run("tuning", "ADD", "tuning", { containerId })).toMatchObject({ status: 0 });
    expect(mtu()).toBe(1400);
    expect(run("tuning", "DEL", "tuning", { containerId })).toMatchObject({ status: 0, stdout: "" });
    expect(mtu()).toBe(1500);
    expect(fs.readdirSync(path.join(lab.dir, "tuning"))).toEqual([]);
    expect(run("tuning", "DEL", "tuning", { containerId })).toMatchObject({ status: 0, stdout: "" });
  });

  it("ends where a folder is in the file's place, and says so", () => {
    fs.mkdirSync(path.join(lab.dir, "tuning/c1_eth0.json"), { recursive: true });
    const outcome = run("tuning", "DEL", "tuning");
    expect(outcome).toMatchObject({ status: 0, stdout: "" });
    expect(outcome.stderr).toContain("Cannot remove");
    expect(run("tuning", "GC", "tuning")).toMatchObject({ status: 0, stdout: "" });
  });

  it("ends where the file system is read-only, and says so", () => {
    lab.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"], netns);
    expect(run("tuning", "ADD", "tuning")).toMatchObject({ status: 0 });
    const folder = path.join(lab.dir, "tuning");
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const wrapper = ["unshare", "--mount", "sh", "-c", script, folder];
    const outcome = run("tuning", "DEL", "tuning", { wrapper });
    expect(outcome).toMatchObject({ status: 0, stdout: "" });
    expect(outcome.stderr).toMatch(/^Cannot remove .*: EROFS/);
    expect(Object(lab.ip("link show eth0", netns)[0]).mtu).toBe(1500);
  });
});
