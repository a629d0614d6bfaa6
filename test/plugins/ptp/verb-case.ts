import { plugin } from "../../../plugins/ptp/main.ts";
import type { Case } from "../verb-cases.ts";

const ipam = { type: "fixed" };

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "ptp", plugin, fields: { ipam } },
  { title: "ptp with masquerade", plugin, fields: { ipam, ipMasq: true } },
];
