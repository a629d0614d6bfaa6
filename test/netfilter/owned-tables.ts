import { encodeAddress } from "../../src/ip/address.ts";
import { createElement } from "../../src/netfilter/nftables/element.ts";
import { addSet, type SetSpec, typedSet } from "../../src/netfilter/nftables/set.ts";
import { addTable, type TableKey } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { ownedElement } from "../../src/netfilter/owned-elements.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { address } from "../netlink/text.ts";

/** A set of addresses in a table. */
export function addressSet({ family, table }: TableKey, name = "addresses"): SetSpec {
  return { family, table, name, key: ["ipv4_addr"], id: 1 };
}

/** Adds a table with a set of addresses, each of which has an owner. */
export function addOwned(
  netlink: Nfnetlink,
  set: SetSpec,
  addresses: readonly (readonly [owner: Attachment, address: string])[],
): void {
  const elements = addresses.map(([owner, text]) => ownedElement(owner, set, { key: [encodeAddress(address(text))] }));
  const changes = [
    addTable({ family: set.family, name: set.table }),
    addSet(typedSet(set)),
    ...elements.map(({ element }) => createElement(set, element)),
  ];
  applyTransaction(netlink, changes, { action: "add owned addresses" });
}
