import type { LeaseEntry } from "../../../plugins/host-local/lease-report.ts";
import type { PublishedPort } from "../../../plugins/portmap/published.ts";
import { isOwnerComment, ownerKey, parseOwnerComment } from "../../netfilter/owner.ts";
import type { OwnedPlace } from "../../netfilter/owner-list.ts";
import type { Link } from "../../netlink/link/message.ts";
import { bareAddress } from "./bare-address.ts";
import type { CachedAttachment } from "./results.ts";

/** An attachment while its sources are joined. */
export interface Draft {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly isCut: boolean;
  cached: CachedAttachment | undefined;
  leases: readonly LeaseEntry[];
  links: readonly Link[];
  places: readonly OwnedPlace[];
  ports: readonly PublishedPort[];
}

/** Shared by all attachments: there may be tens of thousands, and most know only one source. */
const NONE: readonly never[] = [];

/** What names an attachment. */
export type Names = Pick<Draft, "network" | "containerId" | "ifname">;

/** One text for the names. None of them has a line break. */
export function nameOf({ network, containerId, ifname }: Names): string {
  return `${network}\n${containerId}\n${ifname}`;
}

/** The length of an ownerKey. */
const KEY_LENGTH = 33;

/** The attachments by the names that the sources use. */
export class Attachments {
  readonly #byNames = new Map<string, Draft>();
  /** Made when a source names the container alone. */
  #byContainer: Map<string, Draft[]> | undefined;
  /** By ownerKey; made when a comment is cut, because a key costs a digest. */
  #byKey: Map<string, Draft> | undefined;

  list(): readonly Draft[] {
    return [...this.#byNames.values()];
  }

  /** The attachment of these names, new if it is not known yet. */
  at(names: Names, isCut = false): Draft {
    const { network, containerId, ifname } = names;
    const name = nameOf(names);
    const known = this.#byNames.get(name);
    if (known !== undefined) return known;
    const draft: Draft = {
      network,
      containerId,
      ifname,
      isCut,
      cached: undefined,
      leases: NONE,
      links: NONE,
      places: NONE,
      ports: NONE,
    };
    this.#byNames.set(name, draft);
    if (this.#byContainer !== undefined) addTo(this.#byContainer, draft);
    this.#byKey?.set(ownerKey(draft), draft);
    return draft;
  }

  /** A lease from before 2018 names no interface. */
  ofLease(network: string, { containerId, ifname }: LeaseEntry): Draft {
    const named = ifname === "" ? this.#ofContainer(containerId).find((each) => each.network === network) : undefined;
    return named ?? this.at({ network, containerId, ifname });
  }

  ofComment(comment: string): Draft | undefined {
    const owner = parseOwnerComment(comment);
    if (owner !== undefined && ownerKey(owner) === comment.slice(0, KEY_LENGTH)) return this.at(owner);
    this.#byKey ??= new Map(Array.from(this.#byNames.values(), (draft) => [ownerKey(draft), draft]));
    const known = this.#byKey.get(comment.slice(0, KEY_LENGTH));
    if (known !== undefined) return known;
    const [, network = "", ifname = "", containerId = ""] = CUT_COMMENT.exec(comment) ?? [];
    return network === "" ? undefined : this.at({ network, containerId, ifname }, true);
  }

  /** The mappings of the Go plugin name the container, sometimes the network, never the interface. */
  ofPort({ owner, comment, containerIp }: PublishedPort): Draft | undefined {
    if (isOwnerComment(comment)) return this.ofComment(comment);
    const { network, containerId, ifname } = owner;
    if (containerId === undefined) return undefined;
    const fits = (draft: Draft) =>
      (network ?? draft.network) === draft.network && (ifname ?? draft.ifname) === draft.ifname;
    const found = this.#ofContainer(containerId).filter(fits);
    const holder = found.find((draft) => addressesOf(draft).includes(containerIp)) ?? found[0];
    return holder ?? this.at({ network: network ?? "", containerId, ifname: ifname ?? "" });
  }

  #ofContainer(containerId: string): readonly Draft[] {
    if (this.#byContainer === undefined) {
      this.#byContainer = new Map();
      for (const draft of this.#byNames.values()) addTo(this.#byContainer, draft);
    }
    return this.#byContainer.get(containerId) ?? NONE;
  }

  /** The attachments by the names of the host's links in their results. */
  byHostLink(): ReadonlyMap<string, Draft> {
    const links = new Map<string, Draft>();
    for (const draft of this.#byNames.values())
      for (const name of draft.cached?.hostLinks ?? []) links.set(name, draft);
    return links;
  }
}

function addTo(byContainer: Map<string, Draft[]>, draft: Draft): void {
  const others = byContainer.get(draft.containerId);
  if (others === undefined) byContainer.set(draft.containerId, [draft]);
  else others.push(draft);
}

/** An owner's comment whose end may be missing. */
const CUT_COMMENT = /^[0-9a-f-]{33}, net: (.*?)(?:, if: (.*?)(?:, id: (.*))?)?$/;

function addressesOf({ cached, leases }: Draft): readonly string[] {
  const results = cached?.addresses.map(bareAddress) ?? [];
  return [...results, ...leases.map(({ address }) => address)];
}
