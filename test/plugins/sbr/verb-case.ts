import { plugin } from "../../../plugins/sbr/main.ts";
import type { Case } from "../verb-cases.ts";

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "sbr", plugin, fields: {}, follows: true },
  { title: "sbr with a table", plugin, fields: { table: 5000 }, follows: true },
  {
    title: "sbr with gateways and source hints",
    plugin,
    fields: { gateways: ["10.88.0.9", "fd00:88::9"], addSourceHints: true },
    follows: true,
  },
];
