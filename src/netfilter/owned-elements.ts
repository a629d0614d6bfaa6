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

/** An element whose comment names the attachment that owns it. */
export interface OwnedElement {
  readonly set: SetSpec;
  readonly element: Labelled;
}

/** How many times an addition is tried that others have overtaken. Hundreds of parallel calls take turns. */
const ADD_ATTEMPTS = 20;

/** An element from the parts of its key, with its value if the set is a map. */
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
 * Adds elements in one transaction, together with the missing parts of the rule set and the changes of `also`. A second call changes
 * nothing. An existing element with one of the keys is replaced, unless `refuse`, which gets the existing element, throws.
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
      // The first attempt usually does not look for existing elements, because they are rare and each look costs a request.
      ...(attempt === 1 && netlink.isGathering !== true ? [] : replacements(netlink, elements, refuse)),
      ...elements.map(({ set, element }) => createElement(set, element)),
    ];
    const refusal = tryChanges(() => applyTransaction(netlink, changes, { action }), [ERRNO.ENOENT, ERRNO.EEXIST]);
    if (refusal === undefined) return;
    // Either a chain was deleted with its last element, or a key exists. If nothing has changed since the last try, the cause is
    // another.
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

/** The elements of these sets that belong to the selected attachments. @throws NetlinkError */
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
 * Deletes the selected attachments' elements from these sets, and returns them. It is one transaction on exactly the rule set in which
 * they were found, so an element that another attachment has taken over stays. `also` returns further deletions; they are left out if
 * the kernel says that one of these objects is in use. `choose` leaves out elements that stay. Nothing to delete is success. @throws NetlinkError, or LinuxError EAGAIN if
 * others have changed the rule set for 60 seconds
 */
export function deleteOwnedElements(
  netlink: Nfnetlink,
  { action, sets, selection, choose = (elements) => elements }: Deletion,
  also: (elements: readonly OwnedElement[]) => readonly NetlinkRequest[] = () => [],
): readonly OwnedElement[] {
  let isBusy = false;
  let own: readonly OwnedElement[] = [];
  applyCurrent(netlink, { action, refusals: [ERRNO.EBUSY] }, (refusal) => {
    if (refusal?.errno === ERRNO.EBUSY) isBusy = true;
    own = choose(listOwnedElements(netlink, sets, selection));
    return [...own.map(({ set, element }) => deleteElement(set, element)), ...(isBusy ? [] : also(own))];
  });
  return own;
}

/** What deleteOwnedElements deletes. */
export interface Deletion {
  readonly action: string;
  readonly sets: readonly SetSpec[];
  readonly selection: Selection;
  readonly choose?: (elements: readonly OwnedElement[]) => readonly OwnedElement[];
}

/** The changes that delete existing elements with these keys. */
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
