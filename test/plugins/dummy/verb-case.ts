import { plugin } from "../../../plugins/dummy/main.ts";
import type { Case } from "../verb-cases.ts";

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [{ title: "dummy", plugin, fields: { ipam: { type: "fixed" } } }];
