import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";

let lab: Lab;
let netns: string;
let log: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  log = path.join(lab.dir, "cni.log");
});

afterEach(() => lab.dispose());

/** A root whose /etc has the configuration alone, and whose journal is the socket in the lab's folder, if there is one. */
const SURROUNDINGS = `
mount -t tmpfs tmpfs /etc
mkdir /etc/cni
printf %s "$1" > /etc/cni/cni-plugins.json
if [ -S "$2" ]; then
  mount -t tmpfs tmpfs /mnt
  mkdir -p /mnt/netns /mnt/systemd/journal
  touch /mnt/systemd/journal/socket
  mount --rbind /run/netns /mnt/netns
  mount --bind "$2" /mnt/systemd/journal/socket
  mount --rbind /mnt /run
fi
shift 2
exec "$@"
`;

function run(config: unknown, command: string, more: Partial<Call> = {}): Outcome {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  const wrapper = ["unshare", "--mount", "sh", "-ec", SURROUNDINGS, "sh", text, path.join(lab.dir, "journal")];
  const ipam = { type: "host-local", subnet: "10.1.2.0/24", dataDir: lab.dataDir };
  const network = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", ipam };
  const environment = { TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  return lab.plugin("bridge", { command, config: network, netns, containerId: "c1", wrapper, environment, ...more });
}

interface Logged {
  readonly plugin: string;
  readonly command: string;
  readonly milliseconds: number;
  readonly phases: Readonly<Record<string, number>>;
}

function records(): Logged[] {
  const lines = fs.readFileSync(log, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

const CALL = {
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  milliseconds: expect.any(Number),
  phases: expect.objectContaining({ other: expect.any(Number) }),
  network: "net1",
  containerId: "c1",
  ifname: "eth0",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

describe("the log of calls", () => {
  it("has a line for each call of each plugin, also of one that runs in another's process", () => {
    const call = { ...CALL, netns };
    expect(run({ log }, "ADD")).toMatchObject({ status: 0, stderr: "" });
    expect(run({ log }, "ADD").status).toBe(1);
    expect(run({ log }, "VERSION").status).toBe(0);
    expect(run({ log }, "STATUS").status).toBe(0);
    expect(run({ log }, "DEL").status).toBe(0);
    const error = { code: 105, msg: expect.stringContaining("eth0") };
    expect(records()).toEqual([
      { ...call, plugin: "host-local", command: "ADD", addresses: ["10.1.2.2/24"] },
      { ...call, plugin: "bridge", command: "ADD", addresses: ["10.1.2.2/24"] },
      { ...call, plugin: "bridge", command: "ADD", error: expect.objectContaining(error) },
      { ...call, plugin: "host-local", command: "DEL" },
      { ...call, plugin: "bridge", command: "DEL" },
    ]);
    expect(fs.statSync(log).mode & 0o777).toBe(0o600);
  });

  it("says what each call spent its time on, which is all of its time", () => {
    for (const command of ["ADD", "DEL"]) expect(run({ log }, command).status).toBe(0);
    expect(records()).toHaveLength(4);
    for (const { plugin, command, milliseconds, phases } of records()) {
      const spent = Object.values(phases).reduce((sum, each) => sum + each, 0);
      expect(Math.abs(spent - milliseconds), `${command} ${plugin}`).toBeLessThan(0.02);
    }
    expect(records().find(({ plugin }) => plugin === "bridge")).toMatchObject({
      phases: { ipam: expect.any(Number), links: expect.any(Number) },
    });
  });

  it("has the calls of cnictl trace, once", () => {
    const lists = path.join(lab.dir, "lists");
    fs.mkdirSync(lists);
    const ipam = { type: "host-local", subnet: "10.1.2.0/24", dataDir: lab.dataDir };
    const list = { cniVersion: "1.1.0", name: "net1", plugins: [{ type: "bridge", bridge: "br0", ipam }] };
    fs.writeFileSync(path.join(lists, "net1.conflist"), JSON.stringify(list));
    const surroundings = ["unshare", "--mount", "sh", "-ec", SURROUNDINGS, "sh", JSON.stringify({ log }), ""];
    const variables = [`NETCONFPATH=${lists}`, `CNI_PATH=${binDir}`];
    for (const verb of ["add", "del"]) {
      const argv = ["trace", verb, "net1", netns, "--cache-dir", lab.dir, "--json"];
      const { status, stderr } = lab.try([...surroundings, "env", ...variables, path.join(binDir, "cnictl"), ...argv]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
    const calls = records().map(({ command, plugin }) => `${command} ${plugin}`);
    expect(calls).toEqual(["ADD host-local", "ADD bridge", "DEL host-local", "DEL bridge"]);
  });

  it.each([
    ["a folder", () => fs.mkdirSync(log)],
    ["a pipe that nobody reads", () => lab.run(["mkfifo", log])],
    ["in no folder", () => {}],
    ["on a full disk", () => fs.symlinkSync("/dev/full", log)],
  ])("that is %s fails no call, and says why on standard error", (title, make) => {
    make();
    const target = title === "in no folder" ? path.join(log, "x") : log;
    for (const command of ["ADD", "DEL"]) {
      const { status, stderr } = run({ log: target }, command);
      expect(status).toBe(0);
      expect(stderr).toMatch(/^(Cannot log this call: .*\n)+$/);
    }
  });

  it.each(["{", "{}", '{"log": 7}', '{"log": "cni.log"}'])("with the configuration %s fails no call", (config) => {
    const { status, stderr } = run(config, "ADD");
    expect(status).toBe(0);
    expect(stderr).toMatch(/^(Cannot log this call: .*\n)+$/);
  });

  it("that cannot be written fails no call that cannot say so either", () => {
    const closed = `${SURROUNDINGS.trimEnd()} 2>&-`;
    const wrapper = ["unshare", "--mount", "sh", "-ec", closed, "sh", JSON.stringify({ log: `${log}/x` }), ""];
    for (const command of ["ADD", "DEL"])
      expect(run({}, command, { wrapper })).toMatchObject({ status: 0, stderr: "" });
  });

  it("goes to the journal, with its fields", async () => {
    const socket = path.join(lab.dir, "journal");
    const journal = spawn("python3", ["-c", JOURNAL, socket], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(journal.stdout, "data", soon());
      expect(run({ log: "journal" }, "STATUS", { config: { cniVersion: "1.0.0", name: "net1" } }).status).toBe(1);
      const [entry] = await once(journal.stdout, "data", soon());
      expect(String(entry).trim().split("\n")).toEqual([
        expect.stringMatching(
          /^MESSAGE=STATUS bridge net1 c1 eth0: failed \(1\): config version does not allow STATUS in /,
        ),
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=cni-bridge",
        "CNI_PLUGIN=bridge",
        "CNI_COMMAND=STATUS",
        "CNI_NETWORK=net1",
        "CNI_CONTAINERID=c1",
        "CNI_IFNAME=eth0",
        `CNI_NETNS=${netns}`,
        expect.stringMatching(/^CNI_MILLISECONDS=[\d.]+$/),
        expect.stringMatching(/^CNI_PHASES=other=[\d.]+$/),
        "CNI_ERROR_CODE=1",
        "CNI_ERROR_MSG=config version does not allow STATUS",
        `TRACEPARENT=${CALL.traceparent}`,
      ]);
    } finally {
      journal.kill();
    }
  });
});

const soon = () => ({ signal: AbortSignal.timeout(30_000) });

/** Prints each datagram that arrives. */
const JOURNAL = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(s.recv(65536).decode(), end="", flush=True)
`;
