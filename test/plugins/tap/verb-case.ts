import { plugin } from "../../../plugins/tap/main.ts";
import type { Case } from "../verb-cases.ts";

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "tap", plugin, fields: { mtu: 1400, mac: "02:00:00:00:00:44", ipam: { type: "fixed" } } },
  { title: "tap without IPAM", plugin, fields: { multiQueue: true, owner: 1000, group: 1000 } },
];
