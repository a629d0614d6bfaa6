import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

function network(ipam: object = {}, more: object = {}) {
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const fields = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true };
  const own = { type: "host-local", dataDir: lab.dataDir, ranges, ...ipam };
  return { ...fields, isDefaultGateway: true, ...more, ipam: own };
}

function fifo(file: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  lab.run(["mkfifo", file]);
  return file;
}

/** Whatever hangs is killed, and fails. */
const LIMIT = ["timeout", "--signal=KILL", "20"];

function run(plugin: string, command: string, config: unknown) {
  return lab.plugin(plugin, { command, config, netns, wrapper: LIMIT });
}

describe("files", () => {
  it.each([
    ["a pipe", () => fifo(path.join(lab.dir, "resolv.conf")), "it is no regular file"],
    ["without end", () => "/dev/zero", "it holds more than 1048576 bytes"],
    ["a folder", () => lab.dir, "EISDIR"],
  ])("resolvConf that is %s is refused, and nothing is left", (_, file, reason) => {
    const error = errorOf(run("bridge", "ADD", network({ resolvConf: file() })));
    expect(error.code).toBe(5);
    expect(error.msg).toContain(reason);
    expect(lab.ip("link show", netns)).toHaveLength(1);
  });

  it("resolvConf that is /dev/null says nothing", () => {
    expect(run("bridge", "ADD", network({ resolvConf: "/dev/null" }))).toMatchObject({ status: 0, stderr: "" });
  });

  it("pipes in the place of leases and of what is noted beside them keep nobody waiting", () => {
    const folder = path.join(lab.dataDir, "net1");
    for (const name of ["10.88.0.2", "last_reserved_ip.0", "lock", ".state/released"]) fifo(path.join(folder, name));
    for (const command of ["ADD", "DEL", "GC", "STATUS"]) {
      const config = network({ releaseDelay: 1 }, { "cni.dev/valid-attachments": [] });
      expect([0, 1], command).toContain(run("bridge", command, config).status);
    }
  });

  it("a pipe in the place of tuning's file keeps nobody waiting", () => {
    const dataDir = path.join(lab.dir, "tuning");
    const config = { cniVersion: "1.1.0", name: "net1", type: "tuning", dataDir, mtu: 1400 };
    fifo(path.join(dataDir, "c1_eth0.json"));
    expect(run("tuning", "DEL", config).status).toBe(0);
    expect(run("tuning", "GC", { ...config, "cni.dev/valid-attachments": [] }).status).toBe(0);
  });

  it("a pipe among the network lists is named by cnictl", () => {
    const folder = path.join(lab.dir, "net.d");
    const file = fifo(path.join(folder, "10-pipe.conflist"));
    const command = [...LIMIT, "env", `NETCONFPATH=${folder}`, path.join(binDir, "cnictl"), "add", "bridge", netns];
    const { status, stderr } = lab.try(command);
    expect(status).toBe(1);
    expect(stderr).toContain(file);
    expect(stderr).toContain("it is no regular file");
  });
});

describe("standard input", () => {
  it.each(["bridge", "host-local", "portmap", "firewall", "tuning", "bandwidth", "loopback"])(
    "that never ends is refused by %s",
    (plugin) => {
      const script = `exec ${LIMIT.join(" ")} ${path.join(binDir, plugin)} < /dev/zero`;
      const variables = {
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: "c1",
        CNI_NETNS: netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: binDir,
      };
      const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      const outcome = lab.try(["env", ...assignments, "sh", "-c", script]);
      expect(errorOf(outcome)).toMatchObject({
        code: 5,
        msg: "error reading from stdin: it is more than 16777216 bytes",
      });
    },
  );

  it("with a trunk of very many entries is taken as what it says", () => {
    const vlanTrunk = Array.from({ length: 100_000 }, () => ({ minID: 1, maxID: 4094 }));
    const outcome = run("bridge", "ADD", {
      ...network(),
      vlanTrunk,
      ipam: {},
      isGateway: false,
      isDefaultGateway: false,
    });
    expect([0, 1]).toContain(outcome.status);
  });
});

describe("a container with very many routes", () => {
  /** Makes 100,000 routes of both families, none of which is a way to where ADD's routes lead. */
  function addRoutes(): void {
    const lines: string[] = [];
    for (let index = 0; index < 65_536; index++) {
      const [high, low] = [index >> 8, index & 255];
      lines.push(`route add 11.${high}.${low}.0/24 via 10.88.0.1 dev eth0`);
      if (index < 34_464)
        lines.push(`route add fd01:${high.toString(16)}:${low.toString(16)}::/64 via fd00:88::1 dev eth0`);
    }
    const { status, stderr } = lab.try(["ip", "-batch", "-"], netns, lines.join("\n"));
    expect(status, stderr).toBe(0);
  }

  it("is checked without reading them", () => {
    const config = network();
    const prevResult = JSON.parse(run("bridge", "ADD", config).stdout);
    addRoutes();
    const trace = path.join(lab.dir, "trace");
    const wrapper = ["strace", "--quiet=all", "--follow-forks", "-e", "trace=recvfrom", "-o", trace];
    const check = () => lab.plugin("bridge", { command: "CHECK", config: { ...config, prevResult }, netns, wrapper });
    expect(check()).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(fs.readFileSync(trace, "utf8").split("\n").length).toBeLessThan(200);
    // What is missing is looked for among all of them.
    lab.run(["ip", "-6", "route", "del", "default"], netns);
    expect(errorOf(check())).toMatchObject({ code: 104, msg: "Route ::/0 via fd00:88::1 is missing" });
  });
});
