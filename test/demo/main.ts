// Containers on a bridge, and a namespace that plays the outside. Runs in namespaces of its own: see test/demo.mjs
import fs from "node:fs";
import path from "node:path";
import { expect, fail, note, run, show, start, step } from "./narrator.ts";

const bin = path.relative(process.cwd(), process.env["CNI_BIN_DIR"] ?? "dist/bin");
const leases = "/var/lib/cni/networks/bridge";
const OUTSIDE = "203.0.113.2";
const HOST = "203.0.113.1";
const PUBLISHED = { hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  await main();
  // The web servers run on; they end with this process, which is their namespace's first.
  process.exit(0);
} catch (error) {
  fail(error);
}

async function main(): Promise<void> {
  await hideHost();

  step("Network namespaces for three containers, and one that plays the outside and has no route to them");
  for (const name of ["blue", "green", "web", "outside"]) await run(["ip", "netns", "add", name]);
  await linkOutside();

  step("Attach two to the network of conf/10-bridge.conflist");
  const blue = await attach("blue");
  const green = await attach("green");

  step("They reach each other, and the gateway, which is the bridge");
  await ping("blue", green.address);
  await ping("green", blue.address);
  await ping("blue", blue.gateway);

  step("They reach the outside, which sees the host's address: masquerade");
  await serve("outside", 80);
  const source = await get("blue", `http://${OUTSIDE}/`);
  note(`the outside was asked by ${source}; blue has ${blue.address}, the host ${HOST}`);
  expect(source === HOST, "the outside sees the host's address");

  step("CHECK finds both unchanged; each address has a file that names its owner");
  for (const name of ["blue", "green"]) await cnictl(["check", "bridge", `/run/netns/${name}`]);
  for (const file of leaseFiles()) {
    const [container, ifname] = fs.readFileSync(path.join(leases, file), "utf8").split("\r\n");
    note(`${leases}/${file}: ${container} ${ifname}`);
  }

  step("CHECK reports what somebody changed");
  await run(["ip", "-n", "green", "route", "delete", "default"]);
  await cnictl(["check", "bridge", "/run/netns/green"], { fails: true });

  step("Publish a port: 8080 of the host to 80 of web");
  const environment = ["NETCONFPATH=conf", `CAP_ARGS=${JSON.stringify({ portMappings: [PUBLISHED] })}`];
  await cnictl(["add", "bridge", "/run/netns/web"], { environment });
  await serve("web", PUBLISHED.containerPort);
  const client = await get("outside", `http://${HOST}:${PUBLISHED.hostPort}/`);
  note(`web was asked by ${client}`);
  expect(client === OUTSIDE, "the outside reaches the published port, and web sees its address");

  step("Detach all");
  for (const name of ["blue", "green", "web"]) await cnictl(["del", "bridge", `/run/netns/${name}`]);

  step("Only the bridge is left, for the next containers, and the number of the last address");
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
    `address add ${HOST}/24 dev up0`,
    "link set up0 up",
    `-n outside address add ${OUTSIDE}/24 dev eth0`,
    "-n outside link set eth0 up",
  ];
  for (const command of commands) await run(["ip", ...command.split(" ")]);
}

/** Runs cnictl as somebody does on a terminal, and shows what it says there. */
function cnictl(args: readonly string[], { environment = ["NETCONFPATH=conf"], fails = false } = {}): Promise<void> {
  return show(["env", ...environment, `CNI_PATH=${bin}`, `${bin}/cnictl`, ...args], { fails });
}

async function attach(name: string): Promise<{ address: string; gateway: string }> {
  await cnictl(["add", "bridge", `/run/netns/${name}`]);
  const [link] = JSON.parse(await run(["ip", "-n", name, "-json", "-4", "address", "show", "eth0"], { quiet: true }));
  const [route] = JSON.parse(await run(["ip", "-n", name, "-json", "route", "show", "default"], { quiet: true }));
  return { address: link.addr_info[0].local, gateway: route.gateway };
}

async function ping(from: string, to: string): Promise<void> {
  const text = await run([...inside(from), "ping", "-n", "-c2", "-i0.2", "-w5", to]);
  note(/^\d+ packets.*$/m.exec(text)?.[0] ?? text);
}

function serve(netns: string, port: number): Promise<void> {
  return start([...inside(netns), "node", "test/demo/web.ts", "serve", String(port)]);
}

async function get(netns: string, url: string): Promise<string> {
  return (await run([...inside(netns), "node", "test/demo/web.ts", "get", url])).trim();
}

/** `ip netns exec` would mount /sys, which not every container lets a user do. */
function inside(netns: string): readonly string[] {
  return ["nsenter", `--net=/run/netns/${netns}`];
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
  const ruleset = await run(["nft", "list", "ruleset"], { quiet: true });
  expect(!/10\.88\.0\.|10\.4\.0\.|8080/.test(ruleset), "no masquerade and no published port is left");
  note("no address and no port of theirs is in the ruleset");
}
