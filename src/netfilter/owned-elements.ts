import { backOff } from "../linux/wait.ts";
import type { NetlinkRequest } from "../netlink/answers.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { applyCurrent, tryChanges } from "./nftables/current.ts";
import type { Data } from "./nftables/data.ts";
import { concatenate, formatKey } from "./nftables/datatype.ts";
import {
  createElement,
  deleteElement,
  type Element,
  findElement,
  type Labelled,
  listElements,
} from "./nftables/element.ts";
import { getGeneration } from "./nftables/generation.ts";
import { missingOf, type RuleSet } from "./nftables/rule-set.ts";
import type { SetSpec } from "./nftables/set.ts";
import { applyTransaction } from "./nftables/transaction.ts";
import { commented, findComment } from "./nftables/userdata.ts";
import { type Attachment, isSelected, ownerComment, type Selection } from "./owner.ts";

/** An element that belongs to an attachment: its comment says to whose. */
export interface OwnedElement {
  readonly set: SetSpec;
  readonly element: Labelled;
}

/** How often an addition that came too late is tried: hundreds of calls at once take turns. */
const ADD_ATTEMPTS = 20;

/** An element for the parts of its set's key, with what a map has for it. */
export function ownedElement(
  owner: Attachment,
  set: SetSpec,
  { key, data }: { key: readonly Uint8Array[]; data?: Data },
): OwnedElement {
  const value = concatenate(key);
  const userdata = commented("element", ownerComment(owner));
  return labelled(set, { key: { value }, ...(data !== undefined && { data }), userdata }, value);
}

/**
 * Adds elements in one transaction, with what is missing of the rule set that they work in and the changes that `also` finds necessary. Twice is once. What is there under one
 * of their keys is replaced, unless `refuse` throws; it is told what was found.
 * @throws NetlinkError naming the object that the kernel refused
 */
export function addOwnedElements(
  netlink: Nfnetlink,
  wanted: { action: string; elements: readonly OwnedElement[]; rules: RuleSet; also?: () => readonly NetlinkRequest[] },
  refuse: (found: Element, wanted: OwnedElement) => void = () => {},
): void {
  const { action, elements, rules, also = () => [] } = wanted;
  let seen: number | undefined;
  for (let attempt = 1; ; attempt++) {
    const changes = [
      ...missingOf(netlink, rules),
      ...also(),
      // To look first would cost a request for each element: they are hardly ever there.
      ...(attempt === 1 ? [] : replacements(netlink, elements, refuse)),
      ...elements.map(({ set, element }) => createElement(set, element)),
    ];
    const refusal = tryChanges(() => applyTransaction(netlink, changes, { action }), [ERRNO.ENOENT, ERRNO.EEXIST]);
    if (refusal === undefined) return;
    // A chain went with its last element, or the key is there already. Where nobody has changed anything since the last try, it is neither.
    const generation = getGeneration(netlink);
    if (generation === seen) throw refusal;
    seen = generation;
    if (attempt === ADD_ATTEMPTS) throw refuseChurn(action, refusal);
    if (attempt > 1) backOff(attempt);
  }
}

function refuseChurn(action: string, cause: LinuxError): LinuxError {
  const reason = `others changed the rule set each of ${ADD_ATTEMPTS} times: ${cause.message}`;
  return new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause });
}

/** The elements of these sets that belong to the attachments selected. @throws NetlinkError */
export function listOwnedElements(
  netlink: Nfnetlink,
  sets: readonly SetSpec[],
  selection: Selection,
): readonly OwnedElement[] {
  return sets.flatMap((set) => {
    const own = listElements(netlink, set, selection.key)
      .filter(({ userdata }) => isSelected(selection, findComment("element", userdata) ?? ""))
      .flatMap((element) => (element.key?.value === undefined ? [] : [labelled(set, element, element.key.value)]));
    return [...new Map(own.map((each) => [each.element.label, each])).values()];
  });
}

/**
 * Deletes the elements of these sets that belong to the attachments selected, in one transaction on the very rule set that
 * they were found in: never what has become another's; returns them. `also` gives what is to go with them; it is left out where the
 * kernel says that something of it is in use. Nothing there is success.
 * @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 60 seconds
 */
export function deleteOwnedElements(
  netlink: Nfnetlink,
  { action, sets, selection }: { action: string; sets: readonly SetSpec[]; selection: Selection },
  also: (elements: readonly OwnedElement[]) => readonly NetlinkRequest[] = () => [],
): readonly OwnedElement[] {
  let isBusy = false;
  let own: readonly OwnedElement[] = [];
  applyCurrent(netlink, { action, refusals: [ERRNO.EBUSY] }, (refusal) => {
    if (refusal?.errno === ERRNO.EBUSY) isBusy = true;
    own = listOwnedElements(netlink, sets, selection);
    return [...own.map(({ set, element }) => deleteElement(set, element)), ...(isBusy ? [] : also(own))];
  });
  return own;
}

/** The changes that take out what is there under the same keys: somebody else's, with other data, or the same. */
function replacements(
  netlink: Nfnetlink,
  elements: readonly OwnedElement[],
  refuse: (found: Element, wanted: OwnedElement) => void,
): readonly NetlinkRequest[] {
  return elements.flatMap((wanted) => {
    const found = findElement(netlink, wanted.set, wanted.element);
    if (found === undefined) return [];
    refuse(found, wanted);
    return [deleteElement(wanted.set, wanted.element)];
  });
}

function labelled(set: SetSpec, element: Element, key: Uint8Array): OwnedElement {
  return { set, element: { ...element, label: formatKey(key, set.key) } };
}
