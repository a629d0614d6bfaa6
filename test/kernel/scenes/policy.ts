import { addAddress } from "../../../src/netlink/address/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { RT_TABLE } from "../../../src/netlink/route/header.ts";
import {
  addWholeRoute,
  deleteWholeRoute,
  inTable,
  listTables,
  listWholeRoutes,
} from "../../../src/netlink/route/whole.ts";
import { addRule, deleteRule } from "../../../src/netlink/rule/change.ts";
import { listRules } from "../../../src/netlink/rule/list.ts";
import { address, prefix } from "../../netlink/text.ts";
import { bound, connect } from "./links.ts";
import type { Scene } from "./record.ts";

const RULES = { 4: "10.1.0.2/32", 6: "fd00::2/128" } as const;

/** Policy rules, and routes that go from one table to another. */
export const policy: Scene = (world) => {
  const { container } = world;
  const { note, lines } = bound();
  connect(world);
  const eth = getLink(container, "eth0");
  for (const family of [4, 6] as const) {
    const list = () => listRules(container, family);
    const rule = { source: prefix(RULES[family]), table: 100, priority: 20_000, protocol: 67 };
    note(`IPv${family}: what there is at first`, list);
    note("a rule", () => addRule(container, rule));
    note("the same again", () => addRule(container, rule));
    note("to another table", () => addRule(container, { ...rule, table: 5000 }));
    note("of another priority", () => addRule(container, { ...rule, priority: 20_001 }));
    note("all of them", list);
    note("one goes", () => deleteRule(container, rule));
    note("it is not there", () => deleteRule(container, rule));
    note("one of another protocol", () => deleteRule(container, { ...rule, table: 5000, protocol: 68 }));
    note("whoever made it", () => deleteRule(container, { ...rule, table: 5000, protocol: 0 }));
    note("what is left", list);
  }
  addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
  addRoute(container, eth, { destination: prefix("0.0.0.0/0"), gateway: address("10.1.0.1"), mtu: 1300 });
  const ofTable = (table: number) => listWholeRoutes(container, { family: 4, table, index: eth.index });
  const show = (table: number) => ofTable(table).map(({ known }) => known);
  note("routes of main", () => show(RT_TABLE.MAIN));
  note("they go to another table", () => {
    const moved = [...ofTable(RT_TABLE.MAIN)].sort((a, b) => b.known.destination.length - a.known.destination.length);
    const added = moved.map((route) => addWholeRoute(container, inTable(route, 1000)));
    return [...added, ...moved.toReversed().map((route) => deleteWholeRoute(container, route))];
  });
  note("main has none", () => show(RT_TABLE.MAIN));
  note("the other has them", () => show(1000));
  note("once more", () => ofTable(1000).map((route) => addWholeRoute(container, route)));
  note("one that is not there", () => {
    const [route] = ofTable(1000);
    return route && deleteWholeRoute(container, inTable(route, 1001));
  });
  note("a table without routes", () => show(77));
  note("the tables that have any", () => [...listTables(container, 4)].sort((a, b) => a - b));
  return lines;
};
