import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { plugin } from "../../../plugins/host-device/main.ts";
import { listRecords } from "../../../plugins/host-device/record.ts";
import { findDevice } from "../../../src/netlink/link/device.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { IFF } from "../../../src/netlink/link/header.ts";
import { findKeptSettings } from "../../../src/netlink/link/kept-settings.ts";
import { moveLinkTo } from "../../../src/netlink/link/move.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { requestOf, type Verb } from "../verb-cases.ts";
import { addCard } from "./verb-case.ts";

const HARDWARE = { parent: "0000:3b:00.1", bus: "pci", permanentMac: "52:54:00:12:34:56" };

let dataDir: string;
let logged: string[];

beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "hardware-"));
  logged = [];
});

afterEach(() => fs.rmSync(dataDir, { recursive: true }));

/** A host with a card of hardware, and a container. */
function stage() {
  const kernel = new FakeKernel();
  addCard(kernel);
  const container = kernel.addNamespace("container");
  for (const link of kernel.host.links.values()) if (link.name === "card0") link.hardware = HARDWARE;
  return { kernel, container };
}

function call(kernel: FakeKernel, verb: Verb, more: { containerId?: string; netns?: string } = {}) {
  const request = requestOf(verb, { plugin, fields: { device: "card0", dataDir } });
  const own = { ...request, ...more, log: (line: string) => void logged.push(line) };
  const host = hostOn(kernel);
  if (verb === "ADD") return plugin.add?.(own, host);
  return void (verb === "DEL" ? plugin.del : plugin.gc)?.(own, host);
}

/** Gives the card back to the host as the kernel does when a namespace ends. */
function giveBack({ kernel, container }: ReturnType<typeof stage>, name = "eth0") {
  const inside = kernel.openRoute(container);
  moveLinkTo(inside, getLink(inside, "eth0"), { netns: kernel.host.fd, name });
}

describe("host-device with hardware", () => {
  test("DEL gives back what the container changed, and detaches its XDP program but not the host's", () => {
    const { kernel, container } = stage();
    const card = [...kernel.host.links.values()].find(({ name }) => name === "card0");
    if (card === undefined) throw new Error("the card is not there");
    card.kept = { mode: 0, gsoMaxSize: 65_536, xdp: { attached: 3, program: 7, onCard: 7 } };
    card.flags |= IFF.MULTICAST;
    const before = findKeptSettings(kernel.openRoute(), card);
    call(kernel, "ADD");
    const [, inside] = [...container.links.values()];
    if (inside === undefined) throw new Error("the card is not inside");
    inside.kept = { mode: 1, gsoMaxSize: 2000, xdp: { generic: 9, onCard: 7 } };
    inside.flags = IFF.UP | IFF.NOARP | IFF.PROMISC;
    inside.group = 77;
    inside.transmitQueueLength = 1;
    call(kernel, "DEL");
    const after = findKeptSettings(kernel.openRoute(), getLink(kernel.openRoute(), "card0"));
    expect({ ...after, xdp: undefined }).toEqual({ ...before, xdp: undefined });
    expect(logged).toEqual([]);
    expect(kernel.log.filter((line) => line.includes("XDP"))).toEqual(['host: detach XDP program 9 from link "card0"']);
  });

  test("ADD reports the PCI device", () => {
    const { kernel } = stage();
    expect(call(kernel, "ADD")?.interfaces).toMatchObject([{ name: "eth0", pciID: "0000:3b:00.1" }]);
  });

  test("DEL knows the device on the host by its hardware, whatever its alias is by now", () => {
    const on = stage();
    call(on.kernel, "ADD");
    giveBack(on);
    for (const link of on.kernel.host.links.values()) if (link.name === "eth0") link.alias = "";
    call(on.kernel, "DEL", { netns: "/run/netns/gone" });
    expect(findDevice(on.kernel.openRoute(), "card0")).toMatchObject({ up: true, alias: "the card", ...HARDWARE });
    expect(listRecords(dataDir)).toEqual([]);
  });

  test("DEL leaves a device with another name alone, which somebody else gave back", () => {
    const on = stage();
    call(on.kernel, "ADD");
    giveBack(on, "theirs");
    for (const link of on.kernel.host.links.values()) if (link.name === "theirs") link.alias = "";
    call(on.kernel, "DEL");
    expect(findDevice(on.kernel.openRoute(), "theirs")).toMatchObject({ up: false, alias: "" });
    expect(listRecords(dataDir)).toEqual([]);
  });

  test("DEL keeps the record of a device that is nowhere, says so, and the next ADD gives the name back", () => {
    const on = stage();
    call(on.kernel, "ADD");
    const card = [...on.container.links.values()].find(({ name }) => name === "eth0");
    if (card === undefined) throw new Error("the card is not there");
    on.container.links.delete(card.index);
    call(on.kernel, "DEL");
    expect(logged).toEqual([
      'Device "card0" is neither on the host nor in a namespace: the next call for it gives its name back',
    ]);
    on.kernel.host.links.set(card.index, card);
    call(on.kernel, "ADD", { containerId: "c2" });
    expect(listRecords(dataDir)).toMatchObject([{ containerId: "c2", name: "card0", alias: "the card", up: true }]);
    call(on.kernel, "DEL", { containerId: "c2" });
    expect(findDevice(on.kernel.openRoute(), "card0")).toMatchObject({ up: true, alias: "the card" });
  });

  test("ADD takes the record of an earlier container over, so that its DEL leaves the device alone", () => {
    const on = stage();
    call(on.kernel, "ADD");
    giveBack(on);
    call(on.kernel, "ADD", { containerId: "c2" });
    expect(listRecords(dataDir).map(({ containerId }) => containerId)).toEqual(["c2"]);
    call(on.kernel, "DEL", { netns: "" });
    expect(findDevice(on.kernel.openRoute(on.container), "eth0")).toMatchObject({ alias: "card0" });
  });
});
