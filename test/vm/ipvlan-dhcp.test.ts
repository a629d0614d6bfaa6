import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { DhcpLab } from "../live/dhcp.ts";

let dhcp: DhcpLab;

beforeEach(() => {
  dhcp = new DhcpLab();
});

afterEach(() => dhcp.dispose());

interface Attachment {
  readonly netns: string;
  readonly containerId: string;
  readonly prevResult?: unknown;
}

/** Calls ipvlan with a network as nerdctl writes it: without `broadcast`. */
function run(command: string, { netns, containerId, ...fields }: Attachment) {
  const config = { ...dhcp.network(), type: "ipvlan", master: "lan0", ...fields };
  return dhcp.lab.plugin("ipvlan", { command, config, netns, containerId });
}

/** When an attachment's lease has to be renewed, in ms of the boot's clock. */
function renewalOf(containerId: string): number {
  return JSON.parse(fs.readFileSync(path.join(dhcp.folder, `lan:${containerId}:eth0.json`), "utf8")).renewAt;
}

function macOf(netns?: string, name = "eth0"): string {
  const [link] = dhcp.lab.ip(`link show dev ${name}`, netns);
  return Object(link).address;
}

it("containers with their master's MAC have a lease each, which is asked for again and given back", async () => {
  await dhcp.startDnsmasq();
  const containers = ["c1", "c2"].map((containerId) => ({ containerId, netns: dhcp.lab.addNamespace(containerId) }));
  const results = containers.map((each) => {
    const outcome = run("ADD", each);
    expect(outcome).toMatchObject({ status: 0 });
    return JSON.parse(outcome.stdout);
  });
  const given = results.map(({ ips }) => ips[0].address.replace("/24", ""));
  expect([new Set(given).size, dhcp.dnsmasqLeases()]).toEqual([2, given.toSorted()]);
  for (const [at, each] of containers.entries()) {
    expect(macOf(each.netns)).toBe(macOf(dhcp.lab.host, "lan0"));
    dhcp.lab.run(["ping", "-q", "-c", "1", "-w", "20", "10.9.0.1"], each.netns);
    expect(run("CHECK", { ...each, prevResult: results[at] })).toMatchObject({ status: 0, stdout: "" });
  }
  // A daemon asks for the leases that it finds (INIT-REBOOT).
  const before = containers.map(({ containerId }) => renewalOf(containerId));
  await dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");
  for (const [at, { containerId }] of containers.entries())
    await dhcp.until("the server answers the daemon", () => renewalOf(containerId) > (before[at] ?? Infinity));
  for (const each of containers) expect(run("DEL", each)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  await dhcp.until("dnsmasq has its addresses back", () => dhcp.dnsmasqLeases().length === 0);
});

it("a daemon renews a lease by unicast from the container's address, and asks everyone if that is in vain", async () => {
  await dhcp.startServer({ seconds: 20 });
  const each = { containerId: "c1", netns: dhcp.lab.addNamespace("c1") };
  expect(run("ADD", each)).toMatchObject({ status: 0 });
  expect(dhcp.received()).toMatchObject([
    { type: "DISCOVER", broadcast: true },
    { type: "REQUEST", broadcast: true },
  ]);
  await dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");
  await dhcp.until("it asks whether the lease holds", () => dhcp.received().length > 2);
  expect(dhcp.received()[2]).toMatchObject({ type: "REQUEST", broadcast: true, from: "0.0.0.0" });
  const from = "10.9.0.7";
  await dhcp.until("it renews", () => dhcp.received().some((one) => one.from === from && one.to === "10.9.0.1"));
  const before = renewalOf("c1");
  await dhcp.until("it has more time", () => renewalOf("c1") > before);
  dhcp.setMode({ silent: true, seconds: 20 });
  await dhcp.until("it rebinds", () => dhcp.received().some((one) => one.from === from && one.to.endsWith(".255")));
  dhcp.setMode({ seconds: 600 });
  await dhcp.until("it is renewed", () => (dhcp.addresses(each.netns)[0]?.valid_life_time ?? 0) > 100);
});
