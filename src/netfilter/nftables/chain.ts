import { refusals } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import { holdsAny } from "../../netlink/bytes.ts";
import { i32be, text, u32be, u64be } from "../../netlink/codec.ts";
import { encodeFields, nest } from "../../netlink/fields.ts";
import { NLM_F } from "../../netlink/message.ts";
import { encodeNfgenmsg, NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { NFT_MSG, type NftObject, nftObject, nftRequest } from "./message.ts";
import { userdata } from "./userdata.ts";

/** enum nft_chain_attributes <linux/netfilter/nf_tables.h> */
const NFTA_CHAIN = {
  TABLE: 1,
  HANDLE: 2,
  NAME: 3,
  HOOK: 4,
  POLICY: 5,
  USE: 6,
  TYPE: 7,
  FLAGS: 10,
  ID: 11,
  USERDATA: 12,
} as const;

/** enum nft_hook_attributes <linux/netfilter/nf_tables.h> */
const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 } as const;

/** The hook of a base chain. `number` is that of ip, ip6 and inet. enum nf_inet_hooks <linux/netfilter.h> */
export const NF_INET = { PRE_ROUTING: 0, LOCAL_IN: 1, FORWARD: 2, LOCAL_OUT: 3, POST_ROUTING: 4 } as const;

/** The hook of a base chain in the bridge family. <linux/netfilter_bridge.h> */
export const NF_BR = { PRE_ROUTING: 0, LOCAL_IN: 1, FORWARD: 2, LOCAL_OUT: 3, POST_ROUTING: 4 } as const;

/** Priorities of base chains in a hook. enum nf_ip_hook_priorities <linux/netfilter_ipv4.h> */
export const NF_IP_PRI = { RAW: -300, NAT_DST: -100, FILTER: 0, NAT_SRC: 100 } as const;

/** Priorities of base chains in a hook of the bridge family. enum nf_br_hook_priorities <linux/netfilter_bridge.h> */
export const NF_BR_PRI = { NAT_DST_BRIDGED: -300, FILTER_BRIDGED: -200, BRNF: 0, NAT_DST_OTHER: 100 } as const;

const HOOK = { number: [NFTA_HOOK.HOOKNUM, u32be], priority: [NFTA_HOOK.PRIORITY, i32be] } as const;

const FIELDS = {
  table: [NFTA_CHAIN.TABLE, text],
  handle: [NFTA_CHAIN.HANDLE, u64be],
  name: [NFTA_CHAIN.NAME, text],
  type: [NFTA_CHAIN.TYPE, text],
  hook: [NFTA_CHAIN.HOOK, nest(HOOK)],
  policy: [NFTA_CHAIN.POLICY, u32be],
  use: [NFTA_CHAIN.USE, u32be],
  flags: [NFTA_CHAIN.FLAGS, u32be],
  id: [NFTA_CHAIN.ID, u32be],
  userdata: [NFTA_CHAIN.USERDATA, userdata],
} as const;

/** The policy attribute, NF_DROP or NF_ACCEPT, which only base chains have. */
const POLICIES = [0, 1].map((policy) => encodeFields(FIELDS, { policy }));

/** A chain. One with `type` ("nat", "filter") and `hook` is a base chain. `use` counts its rules and the jumps to it. */
export type Chain = NftObject<typeof FIELDS>;

/** Identifies a chain. */
export interface ChainKey {
  readonly family: number;
  readonly table: string;
  readonly name: string;
}

/** Encodes and decodes a chain. `decode` throws RangeError on malformed input. */
export const { encode: encodeChain, decode: decodeChain } = nftObject(FIELDS);

/** The change `nft add chain FAMILY TABLE NAME`. It changes nothing if the chain exists. */
export function addChain(chain: Chain): NetlinkRequest {
  return nftRequest(NFT_MSG.NEWCHAIN, {
    payload: encodeChain(chain),
    flags: NLM_F.CREATE,
    action: `add nftables chain ${chain.name} to table ${chain.table}`,
  });
}

/** The change `nft delete chain FAMILY TABLE NAME`, with its rules. EBUSY if a rule or an element jumps to it. */
export function deleteChain({ family, table, name }: ChainKey): NetlinkRequest {
  return nftRequest(NFT_MSG.DELCHAIN, {
    payload: encodeChain({ family, table, name }),
    action: `delete nftables chain ${name} from table ${table}`,
  });
}

/**
 * The base chains of all tables, like `nft list chains`. Other chains, of which there may be thousands, are not decoded.
 * @throws NetlinkError
 */
export function listBaseChains(netlink: Nfnetlink): readonly Chain[] {
  const payload = encodeNfgenmsg({ family: NFPROTO.UNSPEC });
  const request = nftRequest(NFT_MSG.GETCHAIN, { payload, flags: NLM_F.DUMP, action: "list nftables chains" });
  const answers = netlink.request({ ...request, keep: (chain) => holdsAny(chain, POLICIES) });
  return answers.map((answer) => decodeChain(answer.payload)).filter(({ hook }) => hook !== undefined);
}

/** Finds a chain; undefined if the chain or the table does not exist. @throws NetlinkError */
export function findChain(netlink: Nfnetlink, { family, table, name }: ChainKey): Chain | undefined {
  const request = nftRequest(NFT_MSG.GETCHAIN, {
    payload: encodeChain({ family, table, name }),
    action: `find nftables chain ${name} in table ${table}`,
  });
  const [answer] = ignoring(refusals(ERRNO.ENOENT), () => netlink.request(request)) ?? [];
  return answer && decodeChain(answer.payload);
}
