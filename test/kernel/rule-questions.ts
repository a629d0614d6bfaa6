import { decodeChain, encodeChain } from "../../src/netfilter/nftables/chain.ts";
import { NFT_DATA } from "../../src/netfilter/nftables/data.ts";
import {
  decodeElement,
  decodeElementList,
  type Element,
  encodeElement,
  encodeElementList,
} from "../../src/netfilter/nftables/element.ts";
import { NFT_MSG } from "../../src/netfilter/nftables/message.ts";
import { decodeRule, encodeRule } from "../../src/netfilter/nftables/rule.ts";
import { decodeSet, encodeSet } from "../../src/netfilter/nftables/set.ts";
import { decodeTable, encodeTable } from "../../src/netfilter/nftables/table.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { u32be } from "../../src/netlink/codec.ts";
import { encodeFields } from "../../src/netlink/fields.ts";
import { encodeNfgenmsg, NFPROTO } from "../../src/netlink/nfnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { type Answer, isDump } from "./answer.ts";
import { Refusal } from "./refusal.ts";
import {
  countJumps,
  type FakeChain,
  type FakeSet,
  type FakeTable,
  findFakeChain,
  getSet,
  getTable,
  type Rules,
} from "./rules.ts";
import { isSameKey } from "./set-changes.ts";

/** enum nft_gen_attributes <linux/netfilter/nf_tables.h> */
const GENERATION = { id: [1, u32be] } as const;

/** sizeof(struct nft_verdict), include/net/netfilter/nf_tables.h */
const NFT_VERDICT_SIZE = 16;

/** What a set's elements fill a message with at most: a page, in the kernel. */
const ELEMENTS_AT_ONCE = 20;

type Question = (rules: Rules, request: NetlinkRequest) => readonly Uint8Array[];

/** Each with the kind of message that it is answered with. */
const QUESTIONS: Readonly<Record<number, readonly [kind: number, ask: Question]>> = {
  [NFT_MSG.GETTABLE]: [NFT_MSG.NEWTABLE, tables],
  [NFT_MSG.GETCHAIN]: [NFT_MSG.NEWCHAIN, chains],
  [NFT_MSG.GETRULE]: [NFT_MSG.NEWRULE, rulesOfChain],
  [NFT_MSG.GETSET]: [NFT_MSG.NEWSET, sets],
  [NFT_MSG.GETSETELEM]: [NFT_MSG.NEWSETELEM, elements],
  [NFT_MSG.GETGEN]: [NFT_MSG.NEWGEN, generation],
};

/** Answers what changes nothing. @throws Refusal ENOENT, EINVAL */
export function answerQuestion(rules: Rules, request: NetlinkRequest): readonly Answer[] {
  const [kind, ask] = QUESTIONS[request.type & 0xff] ?? [];
  if (kind === undefined || ask === undefined) throw new Refusal(ERRNO.EINVAL);
  const type = (request.type & 0xff00) | kind;
  return ask(rules, request).map((payload) => ({ type, payload }));
}

function tables(rules: Rules, request: NetlinkRequest): readonly Uint8Array[] {
  const { family, name } = decodeTable(request.payload);
  const found = isDump(request)
    ? rules.tables.filter((table) => family === NFPROTO.UNSPEC || table.family === family)
    : [getTable(rules, { family, table: name })];
  return found.map(({ described, chains: own, sets: some }) =>
    encodeTable({ ...described, use: own.length + some.length }),
  );
}

function chains(rules: Rules, request: NetlinkRequest): readonly Uint8Array[] {
  const { family, table: name, name: chainName } = decodeChain(request.payload);
  if (isDump(request)) {
    const wanted = rules.tables.filter((table) => isMeant(table, { family, table: name }));
    return wanted.flatMap((table) => table.chains.map((chain) => describeChain(table, chain)));
  }
  const table = getTable(rules, { family, table: name });
  const chain = findFakeChain(table, chainName);
  if (chain === undefined) throw new Refusal(ERRNO.ENOENT);
  return [describeChain(table, chain)];
}

/** Where there is no such table or chain, there are no rules. */
function rulesOfChain(rules: Rules, { payload }: NetlinkRequest): readonly Uint8Array[] {
  const { family, table: name, chain: chainName } = decodeRule(payload);
  const table = rules.find(family, name);
  if (table === undefined) return [];
  const found = table.chains.filter(({ described }) => chainName === undefined || described.name === chainName);
  return found.flatMap(({ described, rules: own }) =>
    own.map(({ handle, expressions, userdata }, at) =>
      encodeRule({
        family,
        table: table.name,
        chain: described.name,
        handle,
        position: own[at - 1]?.handle,
        expressions,
        userdata,
      }),
    ),
  );
}

function sets(rules: Rules, request: NetlinkRequest): readonly Uint8Array[] {
  const { family, table: name, name: setName } = decodeSet(request.payload);
  const table = getTable(rules, { family, table: name });
  if (isDump(request)) return table.sets.map(describeSet);
  return [describeSet(getSet(table, setName))];
}

function elements(rules: Rules, request: NetlinkRequest): readonly Uint8Array[] {
  const { family, table: name, set: setName, elements: wanted = [] } = decodeElementList(request.payload);
  const table = getTable(rules, { family, table: name });
  const set = getSet(table, setName);
  const tell = (some: readonly Element[]) =>
    encodeElementList({ family, table: table.name, set: set.described.name, elements: some.map(encodeElement) });
  if (!isDump(request)) return wanted.map((bytes) => tell([getElement(set, decodeElement(bytes))]));
  const parts = Math.max(1, Math.ceil(set.elements.length / ELEMENTS_AT_ONCE));
  return Array.from({ length: parts }, (_, part) => {
    return tell(set.elements.slice(part * ELEMENTS_AT_ONCE, (part + 1) * ELEMENTS_AT_ONCE));
  });
}

function generation({ generation: id }: Rules): readonly Uint8Array[] {
  return [encodeNfgenmsg({ family: NFPROTO.UNSPEC, attributes: encodeFields(GENERATION, { id }) })];
}

function describeChain(table: FakeTable, { described, handle, rules }: FakeChain): Uint8Array {
  return encodeChain({ ...described, handle, use: rules.length + countJumps(table, described.name) });
}

function describeSet({ described, handle }: FakeSet): Uint8Array {
  const { flags, dataType } = described;
  const isVerdict = dataType === NFT_DATA.VERDICT;
  // struct nft_verdict is what the kernel keeps of a verdict.
  const length = isVerdict ? { dataLength: NFT_VERDICT_SIZE } : {};
  return encodeSet({ ...described, ...length, flags: flags === 0 ? undefined : flags, handle });
}

function isMeant(table: FakeTable, { family, table: name }: { family: number; table: string | undefined }): boolean {
  const isFamily = family === NFPROTO.UNSPEC || table.family === family;
  return isFamily && (name === undefined || table.name === name);
}

function getElement(set: FakeSet, wanted: Element): Element {
  const found = set.elements.find((each) => isSameKey(each, wanted));
  if (found === undefined) throw new Refusal(ERRNO.ENOENT);
  return found;
}
