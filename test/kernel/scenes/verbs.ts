import {
  addSpoofCheck,
  admitAddresses,
  deleteSpoofChecks,
  verifySpoofCheck,
} from "../../../plugins/bridge/spoof/checks.ts";
import { admit, compareAdmitted, dismiss, listAdmitted } from "../../../plugins/firewall/table.ts";
import { findChain, listBaseChains } from "../../../src/netfilter/nftables/chain.ts";
import { listElements } from "../../../src/netfilter/nftables/element.ts";
import { formatExpressions } from "../../../src/netfilter/nftables/format.ts";
import { listRules } from "../../../src/netfilter/nftables/rule.ts";
import { listSets } from "../../../src/netfilter/nftables/set.ts";
import { listTables } from "../../../src/netfilter/nftables/table.ts";
import { type Attachment, selectOwner } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { verifyMasquerade } from "../../../src/steps/masquerade/check.ts";
import { addMasquerade, deleteSelected } from "../../../src/steps/masquerade/elements.ts";
import { prefix } from "../../netlink/text.ts";
import { findMasquerade } from "../../steps/masquerade/find.ts";
import { bound } from "./links.ts";
import type { Scene } from "./record.ts";

const one: Attachment = { network: "scene", ifname: "eth0", containerId: "one" };
const two: Attachment = { ...one, containerId: "two" };

/** All that is there, as questions tell it. */
function everything(netfilter: Nfnetlink): unknown {
  const base = listBaseChains(netfilter);
  return listTables(netfilter).map(({ family, name: table = "" }) => ({
    table,
    base: base
      .filter((chain) => chain.family === family && chain.table === table)
      .map(({ name, use }) => ({ name, use })),
    rules: base
      .filter((chain) => chain.family === family && chain.table === table)
      .flatMap(({ name = "" }) => listRules(netfilter, { family, table, name }))
      .map(({ chain, expressions = [] }) => `${chain}: ${formatExpressions(expressions)}`),
    sets: listSets(netfilter, { family, table })
      .map(({ name = "" }) => ({ name, elements: sorted(listElements(netfilter, { family, table, name })) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}

function sorted<T extends { key?: { value?: Uint8Array | undefined } | undefined }>(
  elements: readonly T[],
): readonly T[] {
  const keyOf = ({ key }: T) => Buffer.from(key?.value ?? []).toString("hex");
  return elements.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** What the plugins make of nf_tables, side by side, and how it goes again. */
export const verbs: Scene = ({ netfilter }) => {
  const { note, lines } = bound();
  const prefixes = ["10.88.0.2/16", "fd00:88::2/64"].map(prefix);
  const wanted = { owner: one, prefixes };
  note("masquerade", () => addMasquerade(netfilter, wanted));
  note("twice", () => addMasquerade(netfilter, wanted));
  note("for another", () => addMasquerade(netfilter, { owner: two, prefixes: [prefix("10.88.0.3/16")] }));
  note("nothing is missing", () => verifyMasquerade(netfilter, wanted));
  note("what is missing of more", () => verifyMasquerade(netfilter, { owner: two, prefixes }));
  const subject = {
    owner: one,
    addresses: prefixes.map((each) => each.address),
    isolation: { policy: "isolated", link: "br0" },
  } as const;
  const place = { gateway: "02:00:00:00:00:fe", ports: [7], macs: ["02:00:00:00:00:01"] };
  note("firewall", () => admit(netfilter, subject, place));
  note("twice", () => admit(netfilter, subject, place));
  note("nothing is missing", () => compareAdmitted(netfilter, subject, place));
  note("who is let through", () => listAdmitted(netfilter, selectOwner(one)));
  const checked = { owner: one, port: 7, mac: "02:00:00:00:00:01", check: "strict" } as const;
  note("spoof check", () => addSpoofCheck(netfilter, checked));
  note("addresses", () => admitAddresses(netfilter, checked, prefixes));
  note("nothing is missing", () => verifySpoofCheck(netfilter, { port: checked, prefixes }));
  note("an address without an element is missing", () => {
    return verifySpoofCheck(netfilter, { port: checked, prefixes: [prefix("10.88.0.7/16")] }).length;
  });
  note("everything", () => everything(netfilter));
  note("the end of the masquerade", () => deleteSelected(netfilter, selectOwner(one)));
  note("its chain is another's too", () => {
    return findChain(netfilter, { family: 1, table: "cni_masquerade", name: "to_10.88.0.0/16" })?.use;
  });
  note("what is left of it", () => [findMasquerade(netfilter, one), findMasquerade(netfilter, two).length]);
  note("the end of the firewall", () => dismiss(netfilter, selectOwner(one)));
  note("again", () => dismiss(netfilter, selectOwner(one)));
  note("the end of the checks", () => deleteSpoofChecks(netfilter, selectOwner(one)));
  note("the rest", () => everything(netfilter));
  return lines;
};
