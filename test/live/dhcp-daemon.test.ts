import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, isNative } from "../lab.ts";
import { DhcpLab } from "./dhcp.ts";
import { failing } from "./failing.ts";

let dhcp: DhcpLab;
let netns: string;
/** The daemon that startDaemon() has started last. */
let daemon: { pid: number; output: () => string };

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
});

afterEach(() => dhcp.dispose());

const PLUGIN = path.join(binDir, "dhcp");

async function startDaemon(args: readonly string[] = []): Promise<void> {
  daemon = await dhcp.start([PLUGIN, "daemon", "-socketpath", dhcp.socket, ...args], "");
  await dhcp.until("the daemon listens", () => fs.existsSync(dhcp.socket));
}

function call(command: string, config: object, more: object = {}) {
  return dhcp.lab.plugin("bridge", { command, config, netns, ...more });
}

function add(config: object, more: object = {}) {
  const outcome = call("ADD", config, more);
  expect(outcome).toMatchObject({ status: 0 });
  return JSON.parse(outcome.stdout);
}

/** How many messages of a type the server has received. */
function count(type: string, from?: string): number {
  return dhcp.received().filter((each) => each.type === type && (from === undefined || each.from === from)).length;
}

function addressesOf(where = netns): string {
  return dhcp
    .addresses(where)
    .map(({ local }) => local)
    .join(" ");
}

function routes(where = ""): string {
  return dhcp.lab.run(`ip route show ${where}`.trim().split(" "), netns);
}

describe("dhcp daemon", () => {
  it("renews at half of the time, by unicast from the address, and limits the address to the lease", async () => {
    await dhcp.startServer({ seconds: 6 });
    await startDaemon();
    const config = dhcp.network();
    const prevResult = add(config);
    await dhcp.until("the address is limited", () => (dhcp.addresses(netns)[0]?.valid_life_time ?? 1e9) <= 6);
    await dhcp.until("it is renewed twice", () => count("REQUEST", "10.9.0.7") >= 2);
    const renewal = dhcp.received().find(({ from }) => from === "10.9.0.7");
    expect(renewal).toMatchObject({ type: "REQUEST", to: "10.9.0.1", client: "10.9.0.7" });
    expect(renewal?.options).not.toHaveProperty("50");
    expect(addressesOf()).toBe("10.9.0.7");
    expect(call("CHECK", { ...config, prevResult })).toMatchObject({ status: 0 });
    expect(call("DEL", config)).toMatchObject({ status: 0 });
    expect(await dhcp.stop(daemon.pid)).toBe(isNative ? 0 : null);
  });

  it("asks any server by broadcast when its own is silent", async () => {
    await dhcp.startServer({ seconds: 6 });
    await startDaemon();
    add(dhcp.network());
    dhcp.setMode({ silent: true, seconds: 6 });
    await dhcp.until("it rebinds", () =>
      dhcp.received().some(({ from, to }) => from === "10.9.0.7" && to === "255.255.255.255"),
    );
    dhcp.setMode({ seconds: 600 });
    await dhcp.until("it is renewed", () => (dhcp.addresses(netns)[0]?.valid_life_time ?? 0) > 100);
    expect(addressesOf()).toBe("10.9.0.7");
  });

  it("takes the address away when the time is over, and gives the interface the next one", async () => {
    await dhcp.startServer({ seconds: 4 });
    await startDaemon();
    const config = dhcp.network();
    const prevResult = add(config);
    dhcp.setMode({ silent: true });
    await dhcp.until("the address is gone", () => addressesOf() === "");
    expect(JSON.parse(call("CHECK", { ...config, prevResult }).stdout).msg).toContain("is over");
    dhcp.setMode({ yours: "10.9.0.8", options: { 3: "0a090001" } });
    await dhcp.until("another is there", () => addressesOf() === "10.9.0.8");
    await dhcp.until("its route is there", () => routes().includes("default via 10.9.0.1"));
    const reason = "c1/lan/eth0: the lease of 10.9.0.7/24 is lost: no server has renewed it in time";
    await dhcp.until("it says why", () => daemon.output().includes(reason));
  });

  it("takes the address away when a server refuses it, and says so once", async () => {
    await dhcp.startServer({ seconds: 6 });
    await startDaemon();
    add(dhcp.network());
    dhcp.setMode({ nak: ["REQUEST"] });
    await dhcp.until("the address is gone", () => addressesOf() === "");
    await dhcp.until("it says why", () => daemon.output().includes("a server refused it"));
    const asked = count("REQUEST");
    await dhcp.until("it is refused twice more", () => count("REQUEST") >= asked + 3);
    expect(daemon.output().match(/a server refused it/g)).toHaveLength(1);
    dhcp.setMode({ seconds: 600 });
    await dhcp.until("it is back", () => addressesOf() === "10.9.0.7");
  });

  it("changes the address when a server gives another one", async () => {
    await dhcp.startServer({ seconds: 6, options: { 3: "0a090001" } });
    await startDaemon();
    add(dhcp.network());
    dhcp.setMode({ seconds: 600, yours: "10.9.0.9", options: { 3: "0a090001" } });
    await dhcp.until("it is there alone", () => addressesOf() === "10.9.0.9");
    await dhcp.until("so is the route", () => dhcp.lab.run(["ip", "route"], netns).includes("default via 10.9.0.1"));
    expect(call("DEL", dhcp.network())).toMatchObject({ status: 0 });
    expect(dhcp.received().at(-1)).toMatchObject({ type: "RELEASE", from: "10.9.0.9" });
  });

  it("replaces the routes of the lease where the server says others for the same address", async () => {
    await dhcp.startServer({ seconds: 6, options: { 3: "0a090001" } });
    await startDaemon();
    add(dhcp.network());
    dhcp.setMode({ seconds: 600, options: { 3: "0a090002" } });
    await dhcp.until("the new one is there", () => routes().includes("default via 10.9.0.2"));
    expect(routes()).not.toContain("via 10.9.0.1");
    expect(addressesOf()).toBe("10.9.0.7");
  });

  it("leaves routes alone that somebody has replaced, whatever the server says", async () => {
    await dhcp.startServer({ seconds: 6, options: { 3: "0a090001" } });
    await startDaemon();
    add(dhcp.network());
    dhcp.lab.run("ip route replace default via 10.9.0.99 dev eth0".split(" "), netns);
    const before = count("REQUEST");
    dhcp.setMode({ seconds: 6, options: { 3: "0a090002" } });
    await dhcp.until("it has renewed twice", () => count("REQUEST") > before + 1);
    expect(routes()).toMatch(/^default via 10.9.0.99 dev eth0 *$/m);
    expect(routes()).not.toContain("10.9.0.2 ");
  });

  it("gives a lost address its routes in the table of sbr, and main no other default route", async () => {
    await dhcp.startServer({ seconds: 6, options: { 3: "0a090001" } });
    await startDaemon();
    for (const command of [
      "ip link add net0 type veth peer name peer0",
      "ip link set net0 up",
      "ip link set peer0 up",
      "ip address add 192.0.2.5/24 dev net0",
      "ip route add default via 192.0.2.1",
    ])
      dhcp.lab.run(command.split(" "), netns);
    const prevResult = add(dhcp.network());
    const config = { cniVersion: "1.1.0", name: "lan", type: "sbr", prevResult };
    expect(dhcp.lab.plugin("sbr", { command: "ADD", config, netns })).toMatchObject({ status: 0 });
    const before = routes("table 100");
    expect(before).toContain("default via 10.9.0.1 dev eth0");
    dhcp.setMode({ nak: ["REQUEST"] });
    await dhcp.until("the address is gone", () => addressesOf() === "");
    dhcp.setMode({ seconds: 600, options: { 3: "0a090001" } });
    await dhcp.until("the routes are back", () => routes("table 100").includes("default via 10.9.0.1 dev eth0"));
    expect(addressesOf()).toBe("10.9.0.7");
    expect(routes("table 100")).toContain("10.9.0.0/24 dev eth0");
    expect(routes()).toMatch(/^default via 192.0.2.1 dev net0/);
    expect(routes()).not.toContain("default via 10.9.0.1");
  });

  it("logs a broken file in the folder of leases once", async () => {
    await dhcp.startServer({ seconds: 4 });
    fs.mkdirSync(dhcp.folder, { mode: 0o700 });
    fs.writeFileSync(path.join(dhcp.folder, "broken.json"), "{");
    await startDaemon();
    add(dhcp.network());
    await dhcp.until("it has renewed three times", () => count("REQUEST", "10.9.0.7") > 2);
    const lines = () => daemon.output().match(/Cannot read the lease in .*broken\.json/g);
    expect(lines()).toHaveLength(1);
    fs.writeFileSync(path.join(dhcp.folder, "broken.json"), "[]");
    await dhcp.until("it logs that it is broken otherwise", () => lines()?.length === 2);
  });

  it("renews although a lease cannot be read for a moment, and a lease of an earlier boot cannot be deleted", async () => {
    await dhcp.startServer({ seconds: 4 });
    add(dhcp.network());
    const old = path.join(dhcp.folder, "old.json");
    const own = path.join(dhcp.folder, "lan:c1:eth0.json");
    fs.writeFileSync(old, fs.readFileSync(own, "utf8").replace(/"boot": ".*"/, '"boot": "00000000"'));
    // A file on which another one is mounted cannot be deleted.
    const script = `mount --bind ${old} ${old} && exec ${PLUGIN} daemon -socketpath ${dhcp.socket}`;
    const [strace = "", ...wrapper] = failing("openat", "EIO", { file: own, when: 2 });
    // With -D, it is the daemon that gets SIGTERM.
    daemon = await dhcp.start([strace, "-D", ...wrapper, "unshare", "--mount", "sh", "-c", script], "");
    await dhcp.until("it has renewed three times", () => count("REQUEST", "10.9.0.7") > 2);
    expect(daemon.output()).toContain(`Cannot look at ${dhcp.folder}: EIO`);
    expect(daemon.output()).toContain("Cannot delete the leases of an earlier boot: EBUSY");
    expect(await dhcp.stop(daemon.pid)).toBe(0);
  });

  it("asks after a restart whether each lease holds, and goes on", async () => {
    await dhcp.startServer({ seconds: 600 });
    await startDaemon();
    add(dhcp.network());
    await dhcp.stop(daemon.pid, "SIGKILL");
    const before = count("REQUEST");
    // The socket of a killed daemon is replaced.
    await startDaemon();
    await dhcp.until("it asks", () => count("REQUEST") > before);
    const question = dhcp.received().at(-1);
    expect(question).toMatchObject({ type: "REQUEST", from: "0.0.0.0", client: "0.0.0.0" });
    expect(question?.options).toMatchObject({ 50: "0a090007" });
    expect(question?.options).not.toHaveProperty("54");
    expect(addressesOf()).toBe("10.9.0.7");
  });

  it("pins no namespace, and forgets a lease whose container is gone when it is over", async () => {
    await dhcp.startServer({ seconds: 4 });
    await startDaemon();
    const gone = dhcp.lab.addNamespace("gone");
    add(dhcp.network(), { netns: gone });
    await dhcp.until("it is limited", () => (dhcp.addresses(gone)[0]?.valid_life_time ?? 1e9) <= 4);
    const links = () => dhcp.lab.ip("link show type veth").length;
    dhcp.lab.deleteNamespace(gone);
    await dhcp.until("the kernel has deleted the veth", () => links() === 1);
    await dhcp.until("the file is gone", () => dhcp.files().length === 0);
  });

  it("writes its number, ends at SIGTERM, and leaves neither socket nor file", async () => {
    const pidfile = path.join(dhcp.lab.dir, "pid");
    await startDaemon(["--pidfile", pidfile, "-timeout=10s", "-resendmax", "62s", "-broadcast"]);
    await dhcp.until("the file is there", () => fs.existsSync(pidfile) && fs.readFileSync(pidfile, "utf8") !== "");
    expect(fs.readFileSync(pidfile, "utf8")).toBe(String(daemon.pid));
    expect(await dhcp.stop(daemon.pid)).toBe(isNative ? 0 : null);
    if (isNative) expect([dhcp.socket, pidfile].filter(fs.existsSync)).toEqual([]);
  });

  it("finds socket, leases and namespaces below -hostprefix", async () => {
    await dhcp.startServer({ seconds: 6 });
    const prefix = path.join(dhcp.lab.dir, "host");
    fs.mkdirSync(prefix);
    // As a DaemonSet sees the host's root: the daemon alone has these mounts.
    const mounts = [dhcp.lab.dir, "/run/netns"].map(
      (each) => `mkdir -p "$0${each}"; mount --rbind ${each} "$0${each}"`,
    );
    const script = `mount -t tmpfs none "$0"; ${mounts.join("; ")}; umount -l /run/netns; exec "$@"`;
    const args = ["daemon", "-socketpath", dhcp.socket, "-hostprefix", prefix];
    daemon = await dhcp.start(["unshare", "--mount", "sh", "-ec", script, prefix, PLUGIN, ...args], "");
    await dhcp.until("the daemon listens", () => fs.existsSync(dhcp.socket));
    add(dhcp.network());
    await dhcp.until("the address is limited", () => (dhcp.addresses(netns)[0]?.valid_life_time ?? 1e9) <= 6);
    await dhcp.until("it is renewed", () => count("REQUEST", "10.9.0.7") >= 1);
    expect(call("DEL", dhcp.network())).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(dhcp.files()).toEqual([]);
  });

  it.each([
    [["-pidfile", "rel"], 'Error writing pidfile "rel": path not absolute'],
    [["-port", "1"], 'unknown argument "-port"'],
    [["-socketpath"], "flag needs an argument: -socketpath"],
    [["-timeout", "soon"], 'invalid value "soon" for flag -timeout'],
  ])("refuses %j", (args, message) => {
    const { status, stderr } = spawnSync(PLUGIN, ["daemon", ...args], { encoding: "utf8", timeout: 20_000 });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(message) });
  });

  it("refuses a socket that another daemon serves", async () => {
    await startDaemon();
    const { status, stderr } = dhcp.lab.try([PLUGIN, "daemon", "-socketpath", dhcp.socket]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("Address already in use") });
  });

  it("takes the socket that systemd has opened, and lets it stay", async () => {
    await dhcp.startServer({ seconds: 4 });
    const script = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
s.setblocking(False)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], ["dhcp", "daemon", "-socketpath", sys.argv[1]])`;
    daemon = await dhcp.start(["python3", "-c", script, dhcp.socket, PLUGIN], "");
    await dhcp.until("it listens", () => fs.existsSync(dhcp.socket));
    add(dhcp.network());
    await dhcp.until("it renews", () => count("REQUEST", "10.9.0.7") > 0);
    await dhcp.stop(daemon.pid);
    expect(fs.existsSync(dhcp.socket)).toBe(true);
  });
});

describe("dhcp renew", () => {
  const renew = () => dhcp.lab.try([PLUGIN, "renew", "-socketpath", dhcp.socket]);

  it("asks for more time where half of it is over, and else for nothing", async () => {
    await dhcp.startServer({ seconds: 8 });
    add(dhcp.network());
    expect(renew()).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(count("REQUEST", "10.9.0.7")).toBe(0);
    expect(dhcp.addresses(netns)[0]?.valid_life_time).toBeLessThanOrEqual(8);
    dhcp.setMode({ seconds: 600 });
    await dhcp.until("half is over", () => renew().status === 0 && count("REQUEST", "10.9.0.7") > 0);
    expect(dhcp.addresses(netns)[0]?.valid_life_time).toBeGreaterThan(100);
    expect(addressesOf()).toBe("10.9.0.7");
  });

  it("does nothing without leases", () => {
    expect(renew()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});

it("a lease of the Go plugins' daemon is given back through its socket", async () => {
  const { referenceDir } = await import("../parity/reference.ts");
  const reference = path.join(referenceDir(), "dhcp");
  await dhcp.startServer();
  await dhcp.start([reference, "daemon", "-socketpath", dhcp.socket], "");
  await dhcp.until("it listens", () => fs.existsSync(dhcp.socket));
  const inside = path.basename(netns);
  dhcp.lab.run(["ip", "link", "add", "v0", "master", "lan0", "type", "veth", "peer", "name", "eth0", "netns", inside]);
  dhcp.lab.run(["ip", "link", "set", "v0", "up"]);
  const config = { ...dhcp.network(), type: "macvlan" };
  expect(dhcp.lab.plugin("dhcp", { command: "ADD", config, netns, bin: referenceDir() })).toMatchObject({ status: 0 });
  expect(dhcp.lab.plugin("dhcp", { command: "DEL", config, netns })).toMatchObject({
    status: 0,
    stdout: "",
    stderr: "",
  });
  await dhcp.until("it is released", () => count("RELEASE") === 1);
});

it("DEL does not wait for a daemon of ours, nor for a socket that nobody serves", async () => {
  await startDaemon();
  expect(dhcp.lab.plugin("dhcp", { command: "DEL", config: dhcp.network(), netns })).toMatchObject({ status: 0 });
  await dhcp.stop(daemon.pid, "SIGKILL");
  expect(dhcp.lab.plugin("dhcp", { command: "DEL", config: dhcp.network(), netns })).toMatchObject({ status: 0 });
});

it("keeps the leases of many containers over restarts, and each at its address", async () => {
  await dhcp.startServer({ seconds: 20, pool: true });
  await startDaemon();
  const containers = Array.from({ length: 12 }, (_, index) => dhcp.lab.addNamespace(`c${index}`));
  for (const [index, container] of containers.entries())
    add(dhcp.network(), { netns: container, containerId: `c${index}` });
  const before = containers.map(addressesOf);
  expect(new Set(before).size).toBe(12);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await dhcp.stop(daemon.pid, signal);
    const asked = count("REQUEST", "0.0.0.0");
    await startDaemon();
    await dhcp.until("all are asked for", () => count("REQUEST", "0.0.0.0") >= asked + 12);
  }
  const renewals = () => before.filter((each) => count("REQUEST", each) >= 2).length;
  await dhcp.until("each is renewed twice", () => renewals() === 12);
  expect(containers.map(addressesOf)).toEqual(before);
  expect(daemon.output()).toBe("");
});
