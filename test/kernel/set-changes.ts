import { decodeElement, decodeElementList, type Element } from "../../src/netfilter/nftables/element.ts";
import { decodeSet, type NamedSet, NFT_SET } from "../../src/netfilter/nftables/set.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { isSameBytes } from "../../src/platform/bytes.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { Refusal } from "./refusal.ts";
import {
  type FakeSet,
  type FakeTable,
  findFakeChain,
  findFakeSet,
  getSet,
  getTable,
  isLookedUp,
  type Rules,
  targetOfVerdict,
} from "./rules.ts";

/** NFT_MSG_NEWSET. @throws Refusal ENOENT without the table, EEXIST where there is another of that name */
export function addSet(rules: Rules, { payload, flags }: NetlinkRequest): boolean {
  const { id: _, ...described } = decodeSet(payload);
  const table = getTable(rules, described);
  const { name } = described;
  if (name === undefined || described.keyLength === undefined) throw new Refusal(ERRNO.EINVAL);
  const found = findFakeSet(table, name);
  if (found !== undefined) {
    if ((flags & NLM_F.EXCL) !== 0 || !isSameKind(found.described, described)) throw new Refusal(ERRNO.EEXIST);
    return false;
  }
  table.lastHandle++;
  table.sets = [...table.sets, { handle: table.lastHandle, described: { ...described, name }, elements: [] }];
  return true;
}

/** NFT_MSG_DELSET. @throws Refusal ENOENT, EBUSY where a rule looks it up */
export function deleteSet(rules: Rules, { payload }: NetlinkRequest): boolean {
  const described = decodeSet(payload);
  const table = getTable(rules, described);
  const set = getSet(table, described.name);
  if (isLookedUp(table, set.described.name)) throw new Refusal(ERRNO.EBUSY);
  table.sets = table.sets.filter((each) => each !== set);
  return true;
}

/** NFT_MSG_NEWSETELEM. @throws Refusal ENOENT, EEXIST for a key that is taken or has other data, EINVAL */
export function addElements(rules: Rules, { payload, flags }: NetlinkRequest): boolean {
  const { family, table: name, set: setName, elements = [] } = decodeElementList(payload);
  const table = getTable(rules, { family, table: name });
  const set = getSet(table, setName);
  let isChanged = false;
  for (const bytes of elements) {
    const element = decodeElement(bytes);
    checkElement(table, set, element);
    const found = set.elements.find((each) => isSameKey(each, element));
    if (found === undefined) {
      set.elements = [...set.elements, element];
      isChanged = true;
    } else {
      if ((flags & NLM_F.EXCL) !== 0) throw new Refusal(ERRNO.EEXIST);
      if (!isSameData(found, element)) throw new Refusal(ERRNO.EEXIST);
    }
  }
  return isChanged;
}

/** NFT_MSG_DELSETELEM: these, or without any all of the set. @throws Refusal ENOENT */
export function deleteElements(rules: Rules, { payload }: NetlinkRequest): boolean {
  const { family, table: name, set: setName, elements } = decodeElementList(payload);
  const table = getTable(rules, { family, table: name });
  const set = getSet(table, setName);
  if (elements === undefined) {
    const isChanged = set.elements.length > 0;
    set.elements = [];
    return isChanged;
  }
  for (const bytes of elements) {
    const element = decodeElement(bytes);
    const left = set.elements.filter((each) => !isSameKey(each, element));
    if (left.length === set.elements.length) throw new Refusal(ERRNO.ENOENT);
    set.elements = left;
  }
  return elements.length > 0;
}

/** Whether two elements have the same key; of an interval the end has that of its beginning's neighbour. */
export function isSameKey(a: Element, b: Element): boolean {
  const isSame = isSameBytes(a.key?.value ?? new Uint8Array(), b.key?.value ?? new Uint8Array());
  return isSame && (a.flags ?? 0) === (b.flags ?? 0);
}

function checkElement(table: FakeTable, { described }: FakeSet, { key, data }: Element): void {
  if (key?.value?.length !== described.keyLength) throw new Refusal(ERRNO.EINVAL);
  const isMap = ((described.flags ?? 0) & NFT_SET.MAP) !== 0;
  if (isMap !== (data !== undefined)) throw new Refusal(ERRNO.EINVAL);
  if (data?.value !== undefined && data.value.length !== described.dataLength) throw new Refusal(ERRNO.EINVAL);
  for (const name of targetOfVerdict(data?.verdict)) {
    const chain = findFakeChain(table, name);
    if (chain === undefined) throw new Refusal(ERRNO.ENOENT);
    if (chain.described.hook !== undefined) throw new Refusal(ERRNO.EOPNOTSUPP);
  }
}

function isSameData(a: Element, b: Element): boolean {
  const [one, other] = [a.data?.verdict, b.data?.verdict];
  if (one !== undefined || other !== undefined) return one?.code === other?.code && one?.chain === other?.chain;
  return isSameBytes(a.data?.value ?? new Uint8Array(), b.data?.value ?? new Uint8Array());
}

function isSameKind(a: NamedSet, b: NamedSet): boolean {
  const isSameKeys = a.keyType === b.keyType && a.keyLength === b.keyLength;
  return isSameKeys && (a.flags ?? 0) === (b.flags ?? 0) && a.dataType === b.dataType;
}
