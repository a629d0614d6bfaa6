import { refusals } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import { holdsText } from "../../netlink/bytes.ts";
import { raw, text, u32be } from "../../netlink/codec.ts";
import { nest, type Values } from "../../netlink/fields.ts";
import { NLM_F } from "../../netlink/message.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { data } from "./data.ts";
import { list } from "./list.ts";
import { NFT_MSG, nftObject, nftRequest } from "./message.ts";
import type { SetKey } from "./set.ts";
import { userdata } from "./userdata.ts";

/** enum nft_set_elem_list_attributes <linux/netfilter/nf_tables.h> */
const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3, SET_ID: 4 } as const;

/** enum nft_set_elem_attributes <linux/netfilter/nf_tables.h> */
const NFTA_SET_ELEM = { KEY: 1, DATA: 2, FLAGS: 3, USERDATA: 6 } as const;

const FIELDS = {
  key: [NFTA_SET_ELEM.KEY, data],
  data: [NFTA_SET_ELEM.DATA, data],
  flags: [NFTA_SET_ELEM.FLAGS, u32be],
  userdata: [NFTA_SET_ELEM.USERDATA, userdata],
} as const;

const LIST_FIELDS = {
  table: [NFTA_SET_ELEM_LIST.TABLE, text],
  set: [NFTA_SET_ELEM_LIST.SET, text],
  setId: [NFTA_SET_ELEM_LIST.SET_ID, u32be],
  elements: [NFTA_SET_ELEM_LIST.ELEMENTS, list(raw)],
} as const;

/** An element of a set, or with `data` of a map. */
export type Element = Values<typeof FIELDS>;

/** An element with its key as text. */
export type Labelled = Element & { readonly label: string };

/** Encodes and decodes an element. `decode` throws RangeError on malformed input. */
export const { encode: encodeElement, decode: decodeElement } = nest(FIELDS);

/** Elements of one set, each still encoded: a set may be large, and a reader may need few of them. */
export const { encode: encodeElementList, decode: decodeElementList } = nftObject(LIST_FIELDS);

/** The change `nft create element FAMILY TABLE SET { … }`. EEXIST if the key exists. */
export function createElement(set: SetKey, { label, ...element }: Labelled): NetlinkRequest {
  return nftRequest(NFT_MSG.NEWSETELEM, {
    payload: listOfOne(set, element),
    flags: NLM_F.CREATE | NLM_F.EXCL,
    action: `add element ${label} to ${nameOf(set)}`,
  });
}

/** The change `nft add element FAMILY TABLE SET { … }`. It changes nothing if an equal element exists. */
export function addElement(set: SetKey, { label, ...element }: Labelled): NetlinkRequest {
  return nftRequest(NFT_MSG.NEWSETELEM, {
    payload: listOfOne(set, element),
    flags: NLM_F.CREATE,
    action: `add element ${label} to ${nameOf(set)}`,
  });
}

/** The change `nft delete element FAMILY TABLE SET { … }`, by the element's key. ENOENT if it does not exist. */
export function deleteElement(set: SetKey, { key, label }: Labelled): NetlinkRequest {
  return nftRequest(NFT_MSG.DELSETELEM, {
    payload: listOfOne(set, { key }),
    action: `delete element ${label} from ${nameOf(set)}`,
  });
}

/** Finds an element by its key; undefined if the element or the set does not exist. @throws NetlinkError */
export function findElement(netlink: Nfnetlink, set: SetKey, { key, label }: Labelled): Element | undefined {
  const action = `find element ${label} in ${nameOf(set)}`;
  const [found] = ask(netlink, nftRequest(NFT_MSG.GETSETELEM, { payload: listOfOne(set, { key }), action }), "");
  return found === undefined ? undefined : decodeElement(found);
}

/**
 * The elements of a set whose bytes (for example the comment) contain a text; none if the set does not exist. An element may come
 * twice while the kernel enlarges the hash table. Other elements are not decoded, so few among many cost little. @throws NetlinkError
 */
export function listElements(netlink: Nfnetlink, set: SetKey, text = ""): readonly Element[] {
  const payload = encodeElementList({ family: set.family, table: set.table, set: set.name });
  const action = `list the elements of ${nameOf(set)}`;
  return ask(netlink, nftRequest(NFT_MSG.GETSETELEM, { payload, flags: NLM_F.DUMP, action }), text).map(decodeElement);
}

function ask(netlink: Nfnetlink, request: NetlinkRequest, text: string): readonly Uint8Array[] {
  const messages = ignoring(refusals(ERRNO.ENOENT), () => netlink.request(request)) ?? [];
  return messages
    .filter(({ payload }) => holdsText(payload, text))
    .flatMap(({ payload }) => decodeElementList(payload).elements ?? [])
    .filter((element) => holdsText(element, text));
}

function listOfOne(set: SetKey, element: Element): Uint8Array {
  const elements = [encodeElement(element)];
  return encodeElementList({ family: set.family, table: set.table, set: set.name, elements });
}

function nameOf(set: SetKey): string {
  return `nftables set ${set.name} of table ${set.table}`;
}
