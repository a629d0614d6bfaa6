import { type Address, isSameAddress } from "../../ip/address.ts";
import { type CurrentAddresses, isOutdated } from "../outdated.ts";
import { type Attachment, ownerKey } from "../owner.ts";
import { chainName, isChainName, networkComment, referenceChainName } from "./name.ts";

/** A rule that sends packets to a chain of attachments, for example packets from one address in POSTROUTING. */
export interface Jump {
  readonly chain: string;
  /** Undefined if the rule does not match a single address. */
  readonly source: Address | undefined;
  readonly comment: string;
}

/** A selection of jumps by owner. Their target chains have that owner too. */
export interface JumpSelection {
  /** The owner, in words. */
  readonly label: string;
  /** The chain of table nat that the jumps are in. */
  readonly from: string;
  /** A table that contains none of these texts has no selected jump. */
  readonly texts: readonly string[];
  /** The target chains, if they are known in advance. */
  readonly chains: readonly string[] | undefined;
  readonly selects: (jump: Jump) => boolean;
}

/** The jumps that this project's plugins made for one attachment. */
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
 * The jumps of one attachment, whoever made them. The reference plugins share one chain between all interfaces of a container on a
 * network. If the attachment's `addresses` are known, only the jumps from them to that chain are selected.
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

/**
 * The jumps of a network's attachments that are not in the list of valid ones. The reference plugins' chain of a container goes with
 * the container's last interface.
 */
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

/** The jumps to this project's chains from addresses that a network's attachments no longer have. */
export function selectOutdatedJumps(network: string, current: CurrentAddresses): JumpSelection {
  const keys = new Map(current.owners.map((owner) => [chainName(owner), ownerKey(owner)]));
  return {
    label: `network ${network}'s outdated addresses`,
    from: "POSTROUTING",
    texts: [networkComment(network)],
    chains: undefined,
    selects: ({ chain, source }) => source !== undefined && isOutdated(current, keys.get(chain) ?? "", source),
  };
}
