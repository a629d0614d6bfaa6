import { IN_VM } from "../vm/kinds.ts";
import { type Chain, chains } from "./chain.ts";

/** The verbs, ADD also on a host that has had no container yet, and CHECK also of an attachment that was deleted. */
const SITUATIONS = ["ADD", "first ADD", "DEL", "CHECK", "CHECK of nothing", "GC", "STATUS"] as const;

type Situation = (typeof SITUATIONS)[number];

/** One plugin's verb: every call that it makes fails in turn. */
export interface Group {
  readonly chain: string;
  readonly index: number;
  readonly situation: Situation;
}

/** All of them. */
export function groups(): readonly Group[] {
  return chains().flatMap((chain) =>
    chain.plugins.flatMap((_, index) =>
      SITUATIONS.filter((situation) => isOf(chain, index, situation)).map((situation) => ({
        chain: chain.name,
        index,
        situation,
      })),
    ),
  );
}

/** The first ADD differs where a bridge is made; loopback has neither GC nor STATUS, and takes nothing away. */
function isOf(chain: Chain, index: number, situation: Situation): boolean {
  if (chain.name === "loopback") return situation === "ADD" || situation === "DEL" || situation === "CHECK";
  // They end with their container, so GC leaves them.
  if (["tap", ...IN_VM].includes(chain.name) && situation === "GC") return false;
  return situation !== "first ADD" || index === 0;
}
