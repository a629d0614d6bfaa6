import { addChain, deleteChain, findChain, listBaseChains } from "../../../src/netfilter/nftables/chain.ts";
import { NFT } from "../../../src/netfilter/nftables/data.ts";
import {
  addElement,
  createElement,
  deleteElement,
  findElement,
  listElements,
} from "../../../src/netfilter/nftables/element.ts";
import { formatExpressions } from "../../../src/netfilter/nftables/format.ts";
import { getGeneration } from "../../../src/netfilter/nftables/generation.ts";
import { lookUpSource, matchProtocol } from "../../../src/netfilter/nftables/match.ts";
import { addRule, deleteRule, flushChain, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { addSet, deleteSet, hasSet, listSets, typedSet } from "../../../src/netfilter/nftables/set.ts";
import { ACCEPT, jump } from "../../../src/netfilter/nftables/statement.ts";
import { supportsNftables } from "../../../src/netfilter/nftables/support.ts";
import { addTable, deleteTable, listTables } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction, checkTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { NFPROTO } from "../../../src/netlink/nfnetlink.ts";
import { bound } from "./links.ts";
import type { Scene } from "./record.ts";

const PLACE = { family: NFPROTO.INET, table: "scene" };
const MAP = { ...PLACE, name: "sources", key: ["ipv4_addr"], data: "verdict", id: 1 } as const;
const SET = { ...PLACE, name: "ports", key: ["inet_service", "ipv4_addr"], id: 2 } as const;
const CHAIN = { ...PLACE, name: "target" };
const BASE = { ...PLACE, name: "entry", type: "filter", hook: { number: 2, priority: 0 } };

/** An element of the map: from an address to a chain. */
function source(last: number, chain: string) {
  const label = `10.0.0.${last}`;
  const userdata = commented("element", `element ${last}`);
  return {
    key: { value: Uint8Array.of(10, 0, 0, last) },
    data: { verdict: { code: NFT.GOTO, chain } },
    userdata,
    label,
  };
}

const VMAP = { label: "ip saddr vmap @sources", expressions: lookUpSource(4, MAP) };
const UDP = { label: "udp accept", expressions: [...matchProtocol(17), ACCEPT] };

/** What an empty table becomes in one transaction. */
const MADE: readonly NetlinkRequest[] = [
  addTable({ family: PLACE.family, name: PLACE.table, flags: 0, userdata: commented("table", "a scene") }),
  addChain(BASE),
  addChain(CHAIN),
  addSet(typedSet(MAP)),
  addSet(typedSet(SET)),
  addRule({ ...PLACE, chain: "entry", ...VMAP }),
  addRule({ ...PLACE, chain: "entry", ...UDP }),
  addRule({ ...PLACE, chain: "entry", label: "jump target", expressions: [jump("target")] }),
  createElement(MAP, source(1, "target")),
];

/** A rule set as it is made, asked for, changed and refused. */
export const rules: Scene = ({ netfilter }) => {
  const { note, lines } = bound();
  const apply = (...changes: readonly NetlinkRequest[]) =>
    applyTransaction(netfilter, changes, { action: "play a scene" });
  const others = () => listTables(netfilter).map(({ family, name, flags, use }) => ({ family, name, flags, use }));
  note("the kernel can", () => supportsNftables(netfilter));
  note("no tables", others);
  note("no chain", () => findChain(netfilter, CHAIN));
  note("no rules", () => listRules(netfilter, CHAIN));
  note("no sets", () => listSets(netfilter, PLACE));
  note("no element", () => findElement(netfilter, MAP, source(1, "target")));
  note("a look leaves nothing", () => {
    checkTransaction(netfilter, MADE, { action: "look" });
    return others();
  });
  note("all in one", () => apply(...MADE));
  note("twice is once, but for rules and elements", () => apply(...MADE.slice(0, 5)));
  note("the table", others);
  note("its base chains", () => listBaseChains(netfilter));
  note("a chain that something goes to", () => findChain(netfilter, CHAIN));
  note("its sets", () => listSets(netfilter, PLACE).toSorted((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1)));
  note("has the map", () => hasSet(netfilter, MAP));
  const listed = () => listRules(netfilter, BASE).map(({ expressions = [] }) => formatExpressions(expressions));
  note("its rules", listed);
  note("of them some", () => listRules(netfilter, BASE, ["target"]).length);
  note("its elements", () => listElements(netfilter, MAP));
  note("some of them", () => [
    listElements(netfilter, MAP, "element 1").length,
    listElements(netfilter, MAP, "x").length,
  ]);
  note("an element", () => findElement(netfilter, MAP, source(1, "")));
  note("a key that is taken", () => apply(createElement(MAP, source(1, "target"))));
  note("the same again", () => apply(addElement(MAP, source(1, "target"))));
  note("the same key to elsewhere", () =>
    apply(addChain({ ...CHAIN, name: "else" }), addElement(MAP, source(1, "else"))),
  );
  note("nothing of that", () => findChain(netfilter, { ...CHAIN, name: "else" }));
  note("to a chain that is missing", () => apply(createElement(MAP, source(2, "missing"))));
  note("into a set that is missing", () => apply(createElement({ ...MAP, name: "none" }, source(2, "target"))));
  note("a key of the wrong length", () =>
    apply(createElement(SET, { key: { value: new Uint8Array(3) }, label: "short" })),
  );
  note("a map's element without data", () => apply(createElement(MAP, { key: source(3, "").key, label: "bare" })));
  note("a chain in use", () => apply(deleteChain(CHAIN)));
  note("a set in use", () => apply(deleteSet(MAP)));
  note("a rule that goes to a missing chain", () =>
    apply(addRule({ ...CHAIN, chain: "target", label: "jump", expressions: [jump("gone")] })),
  );
  note("a rule that looks a missing set up", () => {
    const expressions = lookUpSource(4, { name: "gone", id: 9 });
    apply(addRule({ ...PLACE, chain: "target", label: "vmap", expressions }));
  });
  note("a jump to a base chain", () =>
    apply(addRule({ ...PLACE, chain: "target", label: "jump", expressions: [jump("entry")] })),
  );
  note("a chain in no table", () => apply(addChain({ ...CHAIN, table: "none" })));
  note("a hook for a chain without one", () => apply(addChain({ ...BASE, name: "target" })));
  note("a set of another type", () => apply(addSet(typedSet({ ...MAP, key: ["ether_addr"] }))));
  note("what was refused first is told", () =>
    apply(createElement(MAP, source(4, "target")), createElement(MAP, source(1, "target"))),
  );
  note("and nothing is made", () => findElement(netfilter, MAP, source(4, "")));
  note("on an older state", () => {
    const generation = getGeneration(netfilter);
    apply(createElement(MAP, source(5, "target")));
    applyTransaction(netfilter, [createElement(MAP, source(6, "target"))], { action: "play", generation });
  });
  note("on the present one", () => {
    const generation = getGeneration(netfilter);
    applyTransaction(netfilter, [createElement(MAP, source(6, "target"))], { action: "play", generation });
    return getGeneration(netfilter) - generation;
  });
  note("elements that go", () => apply(...[1, 5, 6].map((last) => deleteElement(MAP, source(last, "target")))));
  note("one that is not there", () => apply(deleteElement(MAP, source(1, "target"))));
  note("a rule by its handle", () => {
    const [first] = listRules(netfilter, BASE);
    if (first !== undefined) apply(deleteRule(first));
    return listed();
  });
  note("the set is free", () => apply(deleteSet(MAP)));
  note("a rule that is not there", () => apply(deleteRule({ ...PLACE, chain: "entry", handle: 999n })));
  note("all rules of a chain", () => {
    apply(flushChain(BASE));
    return [listed(), findChain(netfilter, CHAIN)?.use];
  });
  note("the chain is free", () => apply(deleteChain(CHAIN)));
  note("the table goes", () => {
    apply(deleteTable({ family: PLACE.family, name: PLACE.table }));
    return others();
  });
  note("again", () => apply(deleteTable({ family: PLACE.family, name: PLACE.table })));
  return lines;
};
