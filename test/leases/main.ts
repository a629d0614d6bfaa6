// Has `dhcp daemon` keep many containers at short leases, restarts it, and looks at all of them until the time is over.
// usage: npm run test:leases -- [--minutes N] [--containers N]
// CNI_BIN_DIR names the executables, dist/bin unless told. What is wrong is printed; exit code 1 where anything is.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { binDir } from "../lab.ts";
import { DhcpLab } from "../live/dhcp.ts";
import { Crowd, SECONDS } from "./crowd.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, containers: { type: "string", default: "50" } },
});
const [minutes, containers] = [Number(values.minutes), Number(values.containers)];
if (!(minutes > 0)) throw new Error("Cannot use --minutes: must be above 0");
// The server has 240 addresses.
if (!(Number.isInteger(containers) && containers > 0 && containers <= 240))
  throw new Error("Cannot use --containers: must be 1 to 240");

/** The daemon is restarted at these parts of the time. */
const RESTARTS: readonly { readonly at: number; readonly signal: NodeJS.Signals }[] = [
  { at: 0.25, signal: "SIGTERM" },
  { at: 0.5, signal: "SIGKILL" },
  { at: 0.75, signal: "SIGTERM" },
];

/** How long nobody renews at each restart, and the pause between two looks, in ms. */
const DOWN = 3000;
const PAUSE = 5000;

const dhcp = new DhcpLab();
let daemon = { pid: 0, output: () => "" };
let looks = 0;
let wrong = 0;
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => dhcp.dispose().finally(() => process.exit(1)));

try {
  await play();
} catch (error) {
  report([error instanceof Error ? error.message : String(error)]);
} finally {
  await dhcp.dispose();
}
console.log(`leases: ${wrong} wrong in ${looks} looks`);
process.exit(wrong === 0 ? 0 : 1);

async function play(): Promise<void> {
  console.log(`leases: ${containers} containers with leases of ${SECONDS} s for ${minutes} minutes, ${binDir}`);
  await dhcp.startServer({ seconds: SECONDS, pool: true });
  await startDaemon();
  const crowd = new Crowd(dhcp, containers);
  await dhcp.until("each address is limited to its lease", () => crowd.look().length === 0);
  const began = performance.now();
  const end = began + minutes * 60_000;
  const restarts = RESTARTS.map(({ at, signal }) => ({ due: began + at * minutes * 60_000, signal }));
  for (let told = began; performance.now() < end; await pause(PAUSE)) {
    looks += 1;
    report(crowd.look());
    if (performance.now() >= (restarts[0]?.due ?? Infinity)) await restartDaemon(restarts.shift()?.signal ?? "SIGTERM");
    if (performance.now() < told) continue;
    told += 60_000;
    tell(performance.now() - began);
  }
  looks += 1;
  report(crowd.look());
  tell(performance.now() - began);
  report((await crowd.leave()).map((what) => `after DEL there is ${what}`));
  await endDaemon("SIGTERM");
  if (fs.existsSync(dhcp.socket)) report([`after the daemon there is ${dhcp.socket}`]);
}

async function startDaemon(): Promise<void> {
  daemon = await dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");
}

async function endDaemon(signal: NodeJS.Signals): Promise<void> {
  await dhcp.stop(daemon.pid, signal);
  if (fs.existsSync(`/proc/${daemon.pid}`)) report([`the daemon goes on after ${signal}`]);
  if (daemon.output() !== "") report([`the daemon says: ${daemon.output()}`]);
}

async function restartDaemon(signal: NodeJS.Signals): Promise<void> {
  await endDaemon(signal);
  await pause(DOWN);
  await startDaemon();
  console.log(`the daemon is restarted after ${signal}`);
}

function report(lines: readonly string[]): void {
  const time = new Date().toISOString().slice(11, 19);
  for (const line of lines) console.log(`${time} WRONG: ${line}`);
  wrong += lines.length;
}

/** What was sent until now, and what the daemon needs. */
function tell(milliseconds: number): void {
  const renewals = dhcp.received().filter(({ type, from }) => type === "REQUEST" && from !== "0.0.0.0").length;
  const memory = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1];
  const descriptors = fs.readdirSync(`/proc/${daemon.pid}/fd`).length;
  const time = `${(milliseconds / 60_000).toFixed(0)} min`;
  console.log(
    `${time}: ${looks} looks, ${renewals} renewals, daemon ${memory} kB and ${descriptors} descriptors, ${wrong} wrong`,
  );
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
