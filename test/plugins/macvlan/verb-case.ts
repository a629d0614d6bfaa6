import { plugin } from "../../../plugins/macvlan/main.ts";
import { addMaster } from "../master.ts";
import type { Case } from "../verb-cases.ts";

const ipam = { type: "fixed" };

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "macvlan", plugin, fields: { master: "up0", mode: "private", mtu: 1300, ipam }, prepare: addMaster },
  {
    title: "macvlan without IPAM",
    plugin,
    fields: { master: "up0", mac: "02:00:00:00:00:51" },
    prepare: addMaster,
  },
];
