import type { ChainKey } from "../../netfilter/nftables/chain.ts";
import { listElements } from "../../netfilter/nftables/element.ts";
import { listRules, type Rule } from "../../netfilter/nftables/rule.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import type { ForwardedPacket } from "./packet-field.ts";
import { readRule, type Verdict } from "./rule-reading.ts";

/** What becomes of a packet in a chain. "maybe": rules that may accept it ask what is not known of it. */
export type Fate = "accepted" | "maybe" | "dropped";

/** A chain that drops what its rules do not accept. */
export interface DroppingRules {
  readonly fateOf: (packet: ForwardedPacket) => Fate;
}

/** Reads a base chain that drops, and when a packet comes there, the chains and sets that its rules name. @throws NetlinkError */
export function readChain(netlink: Nfnetlink, { family, table, name }: ChainKey): DroppingRules {
  const rulesOf = remember((chain) => listRules(netlink, { family, table, name: chain }));
  const readSet = remember((set) => listElements(netlink, { family, table, name: set }));
  return {
    fateOf: (packet) => {
      const { isPossible, end } = walk({ rulesOf, readSet, packet }, name);
      if (end === "accepted") return end;
      return isPossible ? "maybe" : "dropped";
    },
  };
}

interface Walk {
  readonly rulesOf: (chain: string) => readonly Rule[];
  readonly readSet: Parameters<typeof readRule>[2];
  readonly packet: ForwardedPacket;
}

/** What a chain does with a packet: whether a rule may accept it, and what happens if none of these does. */
interface Outcome {
  readonly isPossible: boolean;
  /** "open": it comes to the end of the chain. */
  readonly end: "accepted" | "dropped" | "open";
}

function walk(context: Walk, chain: string): Outcome {
  const { rulesOf, readSet, packet } = context;
  let isPossible = false;
  for (const { applies, verdict } of rulesOf(chain).flatMap((rule) => readRule(rule, packet, readSet))) {
    const { end, ...outcome } = outcomeOf(context, verdict);
    // A rule that may drop the packet, such as one for invalid packets, is no obstacle.
    isPossible ||= outcome.isPossible || (applies === undefined && end === "accepted");
    if (applies === undefined || end === "open") continue;
    return { isPossible, end: end === "returned" ? "open" : end };
  }
  return { isPossible, end: "open" };
}

/** "open" continues with the next rule, "returned" ends the chain. */
function outcomeOf(
  context: Walk,
  verdict: Verdict,
): { readonly isPossible: boolean; readonly end: Outcome["end"] | "returned" } {
  switch (verdict) {
    case "accept":
      return { isPossible: false, end: "accepted" };
    case "drop":
      return { isPossible: false, end: "dropped" };
    case "return":
      return { isPossible: false, end: "returned" };
    case "other":
      return { isPossible: true, end: "dropped" };
    default: {
      if ("jump" in verdict) return walk(context, verdict.jump);
      const { isPossible, end } = walk(context, verdict.goto);
      return { isPossible, end: end === "open" ? "returned" : end };
    }
  }
}

function remember<T>(read: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name) ?? read(name);
    known.set(name, found);
    return found;
  };
}
