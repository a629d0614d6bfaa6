import { type Address, isSameAddress } from "../../ip/address.ts";
import type { Attachment } from "../owner.ts";
import { chainName, isChainName, networkComment, referenceChainName } from "./name.ts";

/** A rule that sends packets to a chain of attachments: in POSTROUTING, say, what comes from an address. */
export interface Jump {
  readonly chain: string;
  /** Undefined where the rule does not ask for one address. */
  readonly source: Address | undefined;
  readonly comment: string;
}

/** Jumps that belong to attachments; what they go to belongs to the same. */
export interface JumpSelection {
  /** Whose they are, in words. */
  readonly label: string;
  /** The chain of table nat that the jumps are in. */
  readonly from: string;
  /** A table that holds none of these texts holds nothing that is selected. */
  readonly texts: readonly string[];
  /** The chains that they may go to, where that is known beforehand. */
  readonly chains: readonly string[] | undefined;
  readonly selects: (jump: Jump) => boolean;
}

/** What this project's plugins have made for one attachment. */
export function selectOwnChain(owner: Attachment): JumpSelection {
  const own = chainName(owner);
  return {
    label: `${owner.ifname} of container ${owner.containerId}`,
    from: "POSTROUTING",
    texts: [own],
    chains: [own],
    selects: ({ chain }) => chain === own,
  };
}

/**
 * What belongs to one attachment, whoever made it. The reference plugins have one chain for all interfaces of a container on a network: of the jumps to
 * that only those of `addresses` are this attachment's, where its addresses are known.
 */
export function selectOwnJumps(owner: Attachment, addresses: readonly Address[] | undefined): JumpSelection {
  const [own, shared] = [chainName(owner), referenceChainName(owner)];
  const isOurs = ({ source }: Jump) =>
    addresses === undefined || addresses.some((address) => source !== undefined && isSameAddress(address, source));
  return {
    ...selectOwnChain(owner),
    texts: [own, shared],
    chains: [own, shared],
    selects: (jump) => jump.chain === own || (jump.chain === shared && isOurs(jump)),
  };
}

/** What belongs to any attachment of a network but these; the reference plugins' chain of a container goes with its last interface. */
export function selectStaleJumps(network: string, valid: readonly Omit<Attachment, "network">[]): JumpSelection {
  const owners = valid.map((each) => ({ ...each, network }));
  const keep = new Set([...owners.map(chainName), ...owners.map(referenceChainName)]);
  const comment = networkComment(network);
  return {
    label: `network ${network}'s stale attachments`,
    from: "POSTROUTING",
    texts: [comment],
    chains: undefined,
    selects: (jump) => jump.comment.startsWith(comment) && isChainName(jump.chain) && !keep.has(jump.chain),
  };
}
