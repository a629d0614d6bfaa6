import { type Address, decodeAddress, encodeAddress, formatAddress } from "../../src/ip/address.ts";
import { deleteChain, findChain } from "../../src/netfilter/nftables/chain.ts";
import { compareRuleSet } from "../../src/netfilter/nftables/compare.ts";
import { NFT } from "../../src/netfilter/nftables/data.ts";
import { concatenate, formatKey, ifname, split } from "../../src/netfilter/nftables/datatype.ts";
import { addElement, deleteElement, findElement, type Labelled } from "../../src/netfilter/nftables/element.ts";
import { missingOf } from "../../src/netfilter/nftables/rule-set.ts";
import type { SetSpec } from "../../src/netfilter/nftables/set.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
  ownedElement,
} from "../../src/netfilter/owned-elements.ts";
import { isSelected, type Owner, type Selection, selectOwner } from "../../src/netfilter/owner.ts";
import type { Request } from "../../src/netlink/answers.ts";
import type { Netlink } from "../../src/netlink/socket.ts";
import {
  BRIDGES,
  bridgeRules,
  CONTAINERS,
  comparedRules,
  firewallRules,
  ISOLATED,
  MEMBERS,
  PAIRS,
  POLICY_RULES,
  policyChainName,
} from "./rules.ts";
import type { Isolation, Subject } from "./subject.ts";
import { TABLE } from "./tables.ts";

const POLICIES = ["same-bridge", "isolated"] as const;

const CONTAINER_SETS = [CONTAINERS[4], CONTAINERS[6]] as const;
const MEMBER_SETS = [MEMBERS[4], MEMBERS[6]] as const;
const OWN_SETS = [...CONTAINER_SETS, ...MEMBER_SETS, ISOLATED[4], ISOLATED[6]] as const;

/**
 * Lets an attachment's addresses through our table, keeps from it whom its policy keeps away, and notes whose they are: in one
 * transaction. Twice is once; an address that another attachment left behind becomes this one's.
 * @param netlink a socket of NETLINK_NETFILTER @throws NetlinkError naming the object that the kernel refused
 */
export function admit(netlink: Netlink, subject: Subject): void {
  const { isolation } = subject;
  const elements = elementsOf(subject);
  if (elements.length === 0) return;
  addOwnedElements(netlink, {
    action: "let a container's addresses through nftables",
    elements,
    rules: firewallRules(isolation),
    also: () => [
      ...(isolation?.policy === "isolated" ? missingOf(netlink, bridgeRules()) : []),
      ...(isolation === undefined
        ? []
        : bridgeElements(isolation.link).map(({ set, element }) => addElement(set, element))),
    ],
  });
}

/**
 * The opposite, for the attachments selected, and what is not of use to others any more goes with it. Nothing there is success; returns
 * whether there was something.
 * @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 30 seconds
 */
export function dismiss(netlink: Netlink, selection: Selection): boolean {
  const action = `delete nftables elements of ${selection.label}`;
  return deleteOwnedElements(netlink, { action, sets: OWN_SETS, selection }, (own) => unused(netlink, own)).length > 0;
}

/** The addresses of the attachments selected. @throws NetlinkError */
export function listAdmitted(netlink: Netlink, selection: Selection): readonly Address[] {
  return listOwnedElements(netlink, CONTAINER_SETS, selection).map(({ element }) =>
    decodeAddress(element.key?.value ?? new Uint8Array()),
  );
}

/** Whether an address is noted as another attachment's than those selected. @throws NetlinkError */
export function belongsToAnother(netlink: Netlink, address: Address, selection: Selection): boolean {
  const element = { key: { value: encodeAddress(address) }, label: formatAddress(address) };
  const found = findElement(netlink, CONTAINERS[address.family], element);
  return found !== undefined && !isSelected(selection, findComment("element", found.userdata) ?? "");
}

/** How the kernel differs from what `admit` made, a sentence for each difference. @throws NetlinkError */
export function compareAdmitted(netlink: Netlink, subject: Subject): readonly string[] {
  const { isolation, owner } = subject;
  const missing = elementsOf(subject).filter(({ set, element }) => !isThere(netlink, { set, element }, owner));
  const bridges = isolation === undefined ? [] : bridgeElements(isolation.link);
  const absent = bridges.filter(({ set, element }) => findElement(netlink, set, element) === undefined);
  return [
    ...compareRuleSet(netlink, comparedRules(isolation)),
    ...(isolation?.policy === "isolated" ? compareRuleSet(netlink, bridgeRules()) : []),
    ...[...missing, ...absent].map(({ set, element }) => {
      return `Set ${set.name} of nftables table ${set.table} must have this attachment's ${element.label}`;
    }),
  ];
}

function isThere(netlink: Netlink, { set, element }: OwnedElement, owner: Owner): boolean {
  const found = findElement(netlink, set, element);
  if (found === undefined) return false;
  const isOwn = isSelected(selectOwner(owner), findComment("element", found.userdata) ?? "");
  return isOwn && found.data?.verdict?.chain === element.data?.verdict?.chain;
}

function elementsOf({ owner, addresses, isolation }: Subject): readonly OwnedElement[] {
  return addresses.flatMap((address) => [
    ownedElement(owner, CONTAINERS[address.family], { key: [encodeAddress(address)] }),
    ...(isolation === undefined ? [] : isolationElements(owner, address, isolation)),
  ]);
}

function isolationElements(owner: Owner, address: Address, isolation: Isolation): readonly OwnedElement[] {
  const bytes = encodeAddress(address);
  const verdict = { code: NFT.GOTO, chain: policyChainName(isolation) };
  const key = [ifname.encode(isolation.link), bytes];
  return [
    ownedElement(owner, MEMBERS[address.family], { key, data: { verdict } }),
    ...(isolation.policy === "isolated" ? [ownedElement(owner, ISOLATED[address.family], { key: [bytes] })] : []),
  ];
}

/** What all members behind a bridge share. */
function bridgeElements(link: string): readonly { set: SetSpec; element: Labelled }[] {
  return [BRIDGES, PAIRS].map((set) => {
    const value = concatenate(set.key.map(() => ifname.encode(link)));
    return { set, element: { key: { value }, label: formatKey(value, set.key) } };
  });
}

/** The changes that delete what no member needs without these elements: chains of policies, and what the bridge's members shared. */
function unused(netlink: Netlink, own: readonly OwnedElement[]): readonly Request[] {
  const members = own.filter(({ set }) => MEMBER_SETS.some(({ name }) => name === set.name));
  const links = new Set(members.map(({ set, element }) => linkOf(set, element)));
  const goingTo = members.map(({ element }) => element.data?.verdict?.chain);
  return [...links].flatMap((link) => {
    const chains = POLICIES.map((policy) => {
      const key = { ...TABLE, name: policyChainName({ policy, link }) };
      const found = findChain(netlink, key);
      const others = (found?.use ?? 0) - POLICY_RULES[policy] - goingTo.filter((name) => name === key.name).length;
      return { key, isThere: found !== undefined, isUsed: others > 0 };
    });
    const rest = chains.filter(({ isThere, isUsed }) => isThere && !isUsed).map(({ key }) => deleteChain(key));
    if (chains.some(({ isUsed }) => isUsed)) return rest;
    const shared = bridgeElements(link).filter(({ set, element }) => findElement(netlink, set, element) !== undefined);
    return [...rest, ...shared.map(({ set, element }) => deleteElement(set, element))];
  });
}

function linkOf(set: SetSpec, { key }: Labelled): string {
  const [link = new Uint8Array()] = split(key?.value ?? new Uint8Array(), set.key);
  return ifname.decode(link);
}
