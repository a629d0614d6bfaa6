import { type Address, decodeAddress, encodeAddress, formatAddress } from "../../src/ip/address.ts";
import { encodeMac, type Mac } from "../../src/ip/mac.ts";
import { deleteChain, findChain } from "../../src/netfilter/nftables/chain.ts";
import { compareRuleSet } from "../../src/netfilter/nftables/compare.ts";
import { NFT } from "../../src/netfilter/nftables/data.ts";
import { concatenate, formatKey, ifname, split } from "../../src/netfilter/nftables/datatype.ts";
import {
  addElement,
  deleteElement,
  findElement,
  type Labelled,
  listElements,
} from "../../src/netfilter/nftables/element.ts";
import { missingOf } from "../../src/netfilter/nftables/rule-set.ts";
import type { SetSpec } from "../../src/netfilter/nftables/set.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import { type CurrentAddresses, chooseOutdated } from "../../src/netfilter/outdated.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
  ownedElement,
} from "../../src/netfilter/owned-elements.ts";
import { type Attachment, isSelected, type Selection, selectNetwork, selectOwner } from "../../src/netfilter/owner.ts";
import type { NetlinkRequest as Request } from "../../src/netlink/answers.ts";
import { u32 } from "../../src/netlink/codec.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import type { Place } from "./place.ts";
import { bridgeRules, comparedRules, firewallRules, POLICY_RULES, policyChainName } from "./rules.ts";
import { BRIDGES, CONTAINERS, FORMER_ISOLATED, ISOLATED, ISOLATING, MEMBERS, PAIRS } from "./sets.ts";
import type { Isolation, Subject } from "./subject.ts";
import { TABLE } from "./tables.ts";

const POLICIES = ["same-bridge", "isolated"] as const;

const CONTAINER_SETS = [CONTAINERS[4], CONTAINERS[6]] as const;
const MEMBER_SETS = [MEMBERS[4], MEMBERS[6]] as const;
const ISOLATED_SETS = [ISOLATED.ports, ISOLATED.macs, FORMER_ISOLATED[4], FORMER_ISOLATED[6]] as const;
const OWN_SETS = [...CONTAINER_SETS, ...MEMBER_SETS, ...ISOLATED_SETS] as const;

/**
 * Adds an attachment's addresses and its policy to our table, with the attachment as owner, in one transaction. Repeating it is safe. An
 * address that another attachment left behind becomes this one's.
 * @param netlink a socket of NETLINK_NETFILTER
 * @throws NetlinkError naming the object that the kernel refused
 */
export function admit(netlink: Nfnetlink, subject: Subject, place: Place | undefined): void {
  const isolation = routedIsolation(subject);
  const elements = elementsOf(subject, place);
  if (elements.length === 0) return;
  addOwnedElements(netlink, {
    action: "let a container's addresses through nftables",
    elements,
    rules: firewallRules(isolation),
    also: () => [
      ...(place === undefined ? [] : missingOf(netlink, bridgeRules())),
      ...(isolation === undefined
        ? []
        : bridgeElements(isolation.link, place).map(({ set, element }) => addElement(set, element))),
    ],
  });
}

/**
 * Deletes the elements of the selected attachments, and shared state that no other attachment needs. Nothing to delete is success;
 * returns whether there was something.
 * @throws NetlinkError, or LinuxError EAGAIN if others kept changing the rule set for 60 seconds
 */
export function dismiss(netlink: Nfnetlink, selection: Selection): boolean {
  const action = `delete nftables elements of ${selection.label}`;
  return deleteOwnedElements(netlink, { action, sets: OWN_SETS, selection }, (own) => unused(netlink, own)).length > 0;
}

/** Deletes the elements for addresses that a network's attachments no longer have, like `dismiss`. */
export function dismissOutdated(netlink: Nfnetlink, network: string, current: CurrentAddresses): boolean {
  const action = `delete outdated nftables elements of network ${network}`;
  const choose = (elements: readonly OwnedElement[]) => chooseOutdated(elements, current, addressOf);
  const deletion = { action, sets: OWN_SETS, selection: selectNetwork(network), choose };
  return deleteOwnedElements(netlink, deletion, (own) => unused(netlink, own)).length > 0;
}

/** The addresses that a network's attachments no longer have. @throws NetlinkError */
export function listOutdated(netlink: Nfnetlink, network: string, current: CurrentAddresses): readonly Address[] {
  const admitted = listOwnedElements(netlink, CONTAINER_SETS, selectNetwork(network));
  return chooseOutdated(admitted, current, addressOf).flatMap((each) => addressOf(each) ?? []);
}

/** The addresses of the selected attachments. @throws NetlinkError */
export function listAdmitted(netlink: Nfnetlink, selection: Selection): readonly Address[] {
  return listOwnedElements(netlink, CONTAINER_SETS, selection).map(({ element }) =>
    decodeAddress(element.key?.value ?? new Uint8Array()),
  );
}

/** Whether an address belongs to an attachment that is not selected. @throws NetlinkError */
export function belongsToAnother(netlink: Nfnetlink, address: Address, selection: Selection): boolean {
  const element = { key: { value: encodeAddress(address) }, label: formatAddress(address) };
  const found = findElement(netlink, CONTAINERS[address.family], element);
  return found !== undefined && !isSelected(selection, findComment("element", found.userdata) ?? "");
}

/** The differences between the kernel's state and what `admit` adds, one sentence each. @throws NetlinkError */
export function compareAdmitted(netlink: Nfnetlink, subject: Subject, place: Place | undefined): readonly string[] {
  const { owner } = subject;
  const isolation = routedIsolation(subject);
  const missing = elementsOf(subject, place).filter(({ set, element }) => !isThere(netlink, { set, element }, owner));
  const bridges = isolation === undefined ? [] : bridgeElements(isolation.link, place);
  const absent = bridges.filter(({ set, element }) => findElement(netlink, set, element) === undefined);
  return [
    ...compareRuleSet(netlink, comparedRules(isolation)),
    ...(place === undefined ? [] : compareRuleSet(netlink, bridgeRules())),
    ...[...missing, ...absent].map(({ set, element }) => {
      return `Set ${set.name} of nftables table ${set.table} must have this attachment's ${element.label}`;
    }),
  ];
}

/** The container's address in an element's key; undefined if it has none. */
function addressOf({ set, element }: OwnedElement): Address | undefined {
  const last = set.key.at(-1);
  if (last !== "ipv4_addr" && last !== "ipv6_addr") return undefined;
  const bytes = split(element.key?.value ?? new Uint8Array(), set.key).at(-1);
  return bytes === undefined ? undefined : decodeAddress(bytes);
}

function isThere(netlink: Nfnetlink, { set, element }: OwnedElement, owner: Attachment): boolean {
  const found = findElement(netlink, set, element);
  if (found === undefined) return false;
  const isOwn = isSelected(selectOwner(owner), findComment("element", found.userdata) ?? "");
  return isOwn && found.data?.verdict?.chain === element.data?.verdict?.chain;
}

function elementsOf({ owner, addresses, isolation }: Subject, place: Place | undefined): readonly OwnedElement[] {
  const ports = (place?.ports ?? []).map((index) => ownedElement(owner, ISOLATED.ports, { key: [u32.encode(index)] }));
  const macs = (place?.macs ?? []).map((mac) => ownedElement(owner, ISOLATED.macs, { key: [encodeMac(mac)] }));
  const known = addresses.flatMap((address) => [
    ownedElement(owner, CONTAINERS[address.family], { key: [encodeAddress(address)] }),
    ...(isolation === undefined ? [] : [memberElement(owner, address, isolation)]),
  ]);
  return [...known, ...ports, ...macs];
}

/** Without an address, a container gets no routed packets. Then only frames on its bridge need isolation. */
function routedIsolation({ addresses, isolation }: Subject): Isolation | undefined {
  return addresses.length === 0 ? undefined : isolation;
}

function memberElement(owner: Attachment, address: Address, isolation: Isolation): OwnedElement {
  const verdict = { code: NFT.GOTO, chain: policyChainName(isolation) };
  const key = [ifname.encode(isolation.link), encodeAddress(address)];
  return ownedElement(owner, MEMBERS[address.family], { key, data: { verdict } });
}

/** The elements that all members on a bridge share. With a place, the bridge also isolates. */
function bridgeElements(link: string, place?: Place): readonly { set: SetSpec; element: Labelled }[] {
  const shared = [BRIDGES, PAIRS].map((set) => sharedElement(set, concatenate(set.key.map(() => ifname.encode(link)))));
  return place === undefined ? shared : [...shared, sharedElement(ISOLATING, isolatingKey(link, place.gateway))];
}

function isolatingKey(link: string, gateway: Mac): Uint8Array {
  return concatenate([ifname.encode(link), encodeMac(gateway)]);
}

function sharedElement(set: SetSpec, value: Uint8Array): { set: SetSpec; element: Labelled } {
  return { set, element: { key: { value }, label: formatKey(value, set.key) } };
}

/** The changes that delete what no member needs without these elements: policy chains, and elements shared by the bridge's members. */
function unused(netlink: Nfnetlink, own: readonly OwnedElement[]): readonly Request[] {
  const members = own.filter(({ set }) => MEMBER_SETS.some(({ name }) => name === set.name));
  const links = new Set(members.map(({ set, element }) => linkOf(set, element)));
  const goingTo = members.map(({ element }) => element.data?.verdict?.chain);
  return [...links].flatMap((link) => {
    const chains = POLICIES.map((policy) => {
      const key = { ...TABLE, name: policyChainName({ policy, link }) };
      const found = findChain(netlink, key);
      const others = (found?.use ?? 0) - POLICY_RULES[policy] - goingTo.filter((name) => name === key.name).length;
      return { policy, key, isThere: found !== undefined, isUsed: others > 0 };
    });
    const going = chains.filter(({ isThere, isUsed }) => isThere && !isUsed);
    const isolating = going.some(({ policy }) => policy === "isolated") ? isolatingElements(netlink, link) : [];
    const rest = [...going.map(({ key }) => deleteChain(key)), ...isolating];
    if (chains.some(({ isUsed }) => isUsed)) return rest;
    const shared = bridgeElements(link).filter(({ set, element }) => findElement(netlink, set, element) !== undefined);
    return [...rest, ...shared.map(({ set, element }) => deleteElement(set, element))];
  });
}

/** The changes that end isolation on a bridge, for every MAC that it has had. */
function isolatingElements(netlink: Nfnetlink, link: string): readonly Request[] {
  const elements = listElements(netlink, ISOLATING, link).flatMap(({ key }) => (key?.value ? [key.value] : []));
  return elements
    .map((value) => sharedElement(ISOLATING, value))
    .filter(({ set, element }) => linkOf(set, element) === link)
    .map(({ set, element }) => deleteElement(set, element));
}

function linkOf(set: SetSpec, { key }: Labelled): string {
  const [link = new Uint8Array()] = split(key?.value ?? new Uint8Array(), set.key);
  return ifname.decode(link);
}
