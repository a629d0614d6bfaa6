import { u32be } from "../../netlink/codec.ts";
import { decoderOf } from "../../netlink/fields.ts";
import { decodeNfgenmsg, encodeNfgenmsg, NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { NFT_MSG, nftRequest } from "./message.ts";

/** enum nft_gen_attributes <linux/netfilter/nf_tables.h> */
const NFTA_GEN = { ID: 1 } as const;

const decodeId = decoderOf({ id: [NFTA_GEN.ID, u32be] });

/** The generation number of the rule set in this network namespace. Every transaction changes it. @throws NetlinkError */
export function getGeneration(netlink: Nfnetlink): number {
  const request = nftRequest(NFT_MSG.GETGEN, {
    payload: encodeNfgenmsg({ family: NFPROTO.UNSPEC }),
    action: "ask for the nftables generation",
  });
  const [answer] = netlink.request(request);
  return decodeGeneration(answer?.payload ?? new Uint8Array());
}

/** The generation number in a message NFT_MSG_NEWGEN. @throws RangeError if it is missing */
export function decodeGeneration(payload: Uint8Array): number {
  const { id } = decodeId(decodeNfgenmsg(payload).attributes);
  if (id === undefined) throw new RangeError("Cannot decode the nftables generation: it has no number");
  return id;
}
