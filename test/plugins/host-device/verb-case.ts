import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { plugin } from "../../../plugins/host-device/main.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import type { Case } from "../verb-cases.ts";

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "host-device-"));
afterAll(() => fs.rmSync(dataDir, { recursive: true }));

/** Gives the host the device card0, which is up and has an address and an alias. */
export function addCard(kernel: FakeKernel): void {
  const host = kernel.openRoute();
  const peer = { name: "far0", mac: "02:00:00:00:00:51", up: true };
  addVeth(host, { name: "card0", mac: "02:00:00:00:00:50", mtu: 1400, up: true, peer });
  const card = getLink(host, "card0");
  addAddress(host, card, { prefix: prefix("192.0.2.5/24") });
  setLink(host, card, { alias: "the card" });
  setLink(host, getLink(host, "far0"), { up: true });
}

const CARD = { device: "card0", dataDir };

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "host-device", plugin, fields: { ...CARD, ipam: { type: "fixed" } }, prepare: addCard },
  { title: "host-device without IPAM", plugin, fields: { ...CARD, restoreAddresses: true }, prepare: addCard },
];
