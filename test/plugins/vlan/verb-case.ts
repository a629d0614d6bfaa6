import { plugin } from "../../../plugins/vlan/main.ts";
import { addMaster } from "../master.ts";
import type { Case } from "../verb-cases.ts";

const fields = { master: "up0", vlanId: 100, mtu: 1300, ipam: { type: "fixed" } };

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [{ title: "vlan", plugin, fields, prepare: addMaster }];
