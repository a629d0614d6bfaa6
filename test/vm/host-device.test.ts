import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome, sleep } from "../lab.ts";

const MAC = "52:54:00:12:34:56";

/** The machine's own namespace, to which the kernel gives a network card back. */
const MACHINE = "/proc/1/ns/net";

let lab: Lab;
let netns: string;
let pciID: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  lab.run(["modprobe", "virtio_net"]);
  until(() => link("eth0") !== undefined);
  pciID = path.basename(path.dirname(fs.realpathSync("/sys/class/net/eth0/device")));
  lab.run(["ip", "link", "set", "eth0", "up"], MACHINE);
});

afterEach(() => lab.dispose());

function until(isSo: () => boolean): void {
  for (const deadline = Date.now() + 30_000; !isSo(); sleep(20))
    if (Date.now() > deadline) throw new Error("the network card is not there");
}

/** The network card, by its MAC. */
function link(name: string, where = MACHINE) {
  const found = lab.ip("link show", where).find((each) => Object(each).ifname === name);
  if (found === undefined) return undefined;
  const { address, flags, ifalias } = Object(found);
  return { address, up: flags.includes("UP"), alias: ifalias };
}

function run(command: string, fields: object, more: Partial<Call> = {}): Outcome {
  const dataDir = path.join(lab.dir, "host-device");
  const config = { cniVersion: "1.1.0", name: "net1", type: "host-device", dataDir, ...fields };
  const wrapper = ["nsenter", `--net=${MACHINE}`, "--"];
  return lab.plugin("host-device", { command, config, netns, ifname: "net1", wrapper, ...more });
}

function succeed(command: string, fields: object, more: Partial<Call> = {}): string {
  const { status, stdout, stderr } = run(command, fields, more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return stdout;
}

const asBefore = { address: MAC, up: true, alias: undefined };

describe("host-device with a network card", () => {
  it("ADD by its PCI address reports that, and DEL gives it back", () => {
    const { interfaces } = JSON.parse(succeed("ADD", { pciBusID: pciID }));
    expect(interfaces).toEqual([{ name: "net1", mac: MAC, mtu: 1500, sandbox: netns, pciID }]);
    expect(link("eth0")).toBeUndefined();
    expect(link("net1", netns)).toEqual({ address: MAC, up: true, alias: "eth0" });
    succeed("CHECK", { pciBusID: pciID, prevResult: { cniVersion: "1.1.0", interfaces } });
    succeed("DEL", {});
    expect(link("eth0")).toEqual(asBefore);
  });

  it("ADD by name reports the PCI address, too", () => {
    const { interfaces } = JSON.parse(succeed("ADD", { device: "eth0" }));
    expect(interfaces).toMatchObject([{ name: "net1", pciID }]);
    succeed("DEL", {});
  });

  it("DEL waits for the card of a container that has just ended, and gives it its name and state", () => {
    succeed("ADD", { pciBusID: pciID });
    lab.deleteNamespace(netns);
    succeed("DEL", {}, { netns: "" });
    expect(link("eth0")).toEqual(asBefore);
  });

  it("DEL knows the card after the container has renamed it and changed its MAC and alias", () => {
    succeed("ADD", { device: "eth0" });
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "name", "other", "alias", "none", "address", "02:00:00:00:00:77"], netns);
    succeed("DEL", {});
    expect(link("eth0")).toEqual(asBefore);
  });

  it.each(["device", "pciBusID"])("the next ADD by %s finds the card of a container that ended without DEL", (key) => {
    const fields = { [key]: key === "device" ? "eth0" : pciID };
    succeed("ADD", fields);
    lab.deleteNamespace(netns);
    until(() => link("net1") !== undefined);
    expect(link("net1")).toEqual({ address: MAC, up: false, alias: "eth0" });
    const second = { containerId: "c2", netns: lab.addNamespace("c2") };
    succeed("ADD", fields, second);
    expect(link("net1", second.netns)).toEqual({ address: MAC, up: true, alias: "eth0" });
    succeed("DEL", fields, { netns: "" });
    expect(link("net1", second.netns)).toMatchObject({ up: true });
    succeed("DEL", fields, second);
    expect(link("eth0")).toEqual(asBefore);
  });
});
