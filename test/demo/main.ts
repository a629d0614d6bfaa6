// Two namespaces on one bridge, and a third that plays the outside. Runs in namespaces of its own: see test/demo.mjs
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect, fail, note, run, step } from "./narrator.ts";
import { watch } from "./outside.ts";

const root = path.join(import.meta.dirname, "../..");
const bin = path.relative(process.cwd(), process.env["CNI_BIN_DIR"] ?? path.join(root, "dist/bin"));
const cnictl = ["env", "NETCONFPATH=conf", `CNI_PATH=${bin}`, `${bin}/cnictl`];
const leases = "/var/lib/cni/networks/bridge";
const OUTSIDE = "203.0.113.2";

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  await main();
} catch (error) {
  fail(error);
}

async function main(): Promise<void> {
  await hideHost();

  step("Two network namespaces to attach, and one that plays the outside and has no route to them");
  for (const name of ["blue", "green", "outside"]) await run(["ip", "netns", "add", name]);
  await linkOutside();

  step("Attach both to the network of conf/10-bridge.conflist");
  const blue = await attach("blue");
  const green = await attach("green");

  step("They reach each other, and the gateway, which is the bridge");
  await ping("blue", green.address);
  await ping("green", blue.address);
  await ping("blue", blue.gateway);

  step("They reach the outside, which sees the host's address: masquerade");
  const seen = watch("outside");
  await seen.ready;
  await ping("blue", OUTSIDE);
  const source = await seen.source;
  note(`outside saw the ping come from ${source}; blue has ${blue.address}, the host 203.0.113.1`);
  expect(source === "203.0.113.1", "the outside sees the host's address");

  step("Both are as they were made; every address has a file that says whose it is");
  for (const name of ["blue", "green"]) await run([...cnictl, "check", "bridge", `/run/netns/${name}`]);
  for (const file of leaseFiles()) {
    const [container, ifname] = fs.readFileSync(path.join(leases, file), "utf8").split("\r\n");
    note(`${leases}/${file}: ${container} ${ifname}`);
  }

  step("Detach both");
  for (const name of ["blue", "green"]) await run([...cnictl, "del", "bridge", `/run/netns/${name}`]);

  step("Nothing is left but the bridge, for the next container, and the last address given out");
  await showNothingLeft();
  note("done");
}

/** Puts empty folders where network namespaces and leases are, for this process and its children alone. */
async function hideHost(): Promise<void> {
  if (process.pid !== 1) throw new Error("Must be the first process of its own namespaces: start it by npm run demo");
  for (const folder of ["/run", "/var/lib"])
    await run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder], { quiet: true });
  await run(["ip", "link", "set", "lo", "up"], { quiet: true });
}

async function linkOutside(): Promise<void> {
  await run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside"]);
  const commands = [
    "address add 203.0.113.1/24 dev up0",
    "link set up0 up",
    `-n outside address add ${OUTSIDE}/24 dev eth0`,
    "-n outside link set eth0 up",
  ];
  for (const command of commands) await run(["ip", ...command.split(" ")]);
}

async function attach(name: string): Promise<{ address: string; gateway: string }> {
  const text = await run([...cnictl, "add", "bridge", `/run/netns/${name}`]);
  const { interfaces, ips } = JSON.parse(text);
  const [bridge, port, inside] = interfaces;
  const [{ address, gateway }] = ips;
  note(`${inside.name} in ${name} has ${address}, gateway ${gateway}; its other end is ${port.name} on ${bridge.name}`);
  return { address: address.replace(/\/.*/, ""), gateway };
}

async function ping(from: string, to: string): Promise<void> {
  const text = await run(["ip", "netns", "exec", from, "ping", "-n", "-c2", "-i0.2", "-w5", to]);
  note(/^\d+ packets.*$/m.exec(text)?.[0] ?? text);
}

function leaseFiles(): string[] {
  return fs.readdirSync(leases).filter((file) => /^\d+\.\d+\.\d+\.\d+$/.test(file));
}

async function showNothingLeft(): Promise<void> {
  const links = (await run(["ip", "-brief", "link", "show"])).split("\n").map((line) => line.split(/[\s@]/)[0] ?? "");
  note(links.filter((name) => name !== "").join(" "));
  expect(!links.some((name) => name.startsWith("veth")), "no veth is left");
  note(`${leases}: ${fs.readdirSync(leases).join(" ")}`);
  expect(leaseFiles().length === 0, "no lease is left");
  const ruleset = spawnSync("nft", ["list", "ruleset"], { encoding: "utf8" }).stdout;
  expect(!ruleset.includes("10.88.0."), "no masquerade is left");
  note("no address of theirs is in the ruleset");
}
