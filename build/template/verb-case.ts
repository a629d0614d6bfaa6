import { plugin } from "../../../plugins/new-name/main.ts";
import type { Case } from "../verb-cases.ts";

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [{ title: "new-name", plugin, fields: { label: "blue" }, follows: true }];
