import { plugin } from "../../../plugins/ipvlan/main.ts";
import { addMaster } from "../master.ts";
import type { Case } from "../verb-cases.ts";

const fields = { master: "up0", mode: "l3", flags: "private", mtu: 1300, ipam: { type: "fixed" } };

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [{ title: "ipvlan", plugin, fields, prepare: addMaster }];
