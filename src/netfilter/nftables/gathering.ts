import type { NetlinkRequest } from "../../netlink/answers.ts";
import { text } from "../../netlink/codec.ts";
import { decoderOf } from "../../netlink/fields.ts";
import { decodeNfgenmsg } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { applyTransaction, changesOf } from "./transaction.ts";

/** The attribute with the table's name, the first one of tables, chains, rules, sets and elements. <linux/netfilter/nf_tables.h> */
const decodeTable = decoderOf({ name: [1, text] });

/**
 * Transactions that are held back and then applied together, one for each table. Until then their callers read the rules as they were. A
 * change that several callers make is made once.
 */
export class Gathering {
  readonly #tables = new Map<string, Map<string, NetlinkRequest>>();

  /** Whether nothing has been held back. */
  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** The same socket, whose transactions are held back and count as done. */
  through(netlink: Nfnetlink): Nfnetlink {
    return {
      ...netlink,
      isGathering: true,
      transact: (requests) => {
        const changes = changesOf(requests);
        if (changes === undefined) return netlink.transact(requests);
        for (const change of changes) this.#hold(change);
        return [];
      },
    };
  }

  /** Applies each table's changes. @throws NetlinkError for the first table whose changes the kernel refuses: then it has none of them */
  apply(netlink: Nfnetlink): void {
    for (const [table, changes] of this.#tables)
      applyTransaction(netlink, [...changes.values()], { action: `rebuild nftables table ${table}` });
  }

  #hold(change: NetlinkRequest): void {
    const { family, attributes } = decodeNfgenmsg(change.payload);
    const table = `${decodeTable(attributes).name} of family ${family}`;
    const changes = this.#tables.get(table) ?? new Map<string, NetlinkRequest>();
    this.#tables.set(table, changes);
    // A change that is there already keeps its place.
    changes.set(`${change.type} ${change.flags} ${change.payload.toHex()}`, change);
  }
}
