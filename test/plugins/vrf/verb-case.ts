import { plugin } from "../../../plugins/vrf/main.ts";
import type { Case } from "../verb-cases.ts";

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "vrf", plugin, fields: { vrfname: "red" }, follows: true },
  { title: "vrf with a table", plugin, fields: { vrfname: "red", table: 5000 }, follows: true },
];
