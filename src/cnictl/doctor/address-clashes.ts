import { formatAddress } from "../../ip/address.ts";
import { formatPrefix, type Prefix } from "../../ip/prefix.ts";
import { type AttachmentView, viewAttachment } from "../inventory/attachment-view.ts";
import { bareAddress } from "../inventory/bare-address.ts";
import type { InsideAddresses } from "../inventory/inside-addresses.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { needsOf } from "./needs.ts";
import { describeAttachment, findNetnsName } from "./netns-name.ts";

/** Containers that have the address of another one on the same network or bridge. */
export const addressClashCheck: Check = {
  name: "clash",
  run: (examination) => {
    const unseen: Found[] = [];
    const spaces = enterAll(examination, unseen);
    const owners = indexOwners(spaces);
    return [...spaces.flatMap((space) => judgeSpace(space, owners)), ...unseen];
  },
};

/** An attachment that lives, and the networks and bridges on which its addresses must be its own. */
interface Member {
  readonly view: AttachmentView;
  readonly segments: readonly string[];
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
}

/** A network namespace, which may have several attachments. */
interface Space extends InsideAddresses {
  readonly netns: string;
  readonly members: readonly Member[];
}

type Owners = ReadonlyMap<string, readonly { readonly member: Member; readonly space: Space }[]>;

/** Enters each namespace of an attachment once. `unseen` gets a finding for each that cannot be entered. */
function enterAll(examination: Examination, unseen: Found[]): readonly Space[] {
  const { inventory, isLiving, listInside } = examination;
  const segmentsOf = segmentFinder(examination);
  const views = inventory().attachments.map((attachment) => viewAttachment(attachment, isLiving));
  const living = views.filter(({ netns, addresses }) => netns !== "" && addresses.length > 0 && isLiving(netns));
  const spaces = new Map<string, Space>();
  for (const [netns, there] of Map.groupBy(living, (view) => view.netns)) {
    const enter = () => {
      const inside = listInside(netns);
      const known = spaces.get(inside.inode);
      const own = there.map((view) => ({
        view,
        segments: segmentsOf(view.network),
        addresses: view.addresses.map(bareAddress),
      }));
      spaces.set(inside.inode, { ...inside, netns, ...known, members: [...(known?.members ?? []), ...own] });
      return [];
    };
    unseen.push(...orCannotTell(there[0]?.network ?? netns, enter));
  }
  return [...spaces.values()];
}

/** Networks of other bridges and VLANs may have the same addresses without harm. */
function segmentFinder({ networks, inventory }: Examination): (network: string) => readonly string[] {
  const all = [...inventory().cache.remembered, ...networks].map(needsOf);
  const bridges = new Map(
    all.map(({ name, bridges: own }) => [name, own.map(({ bridge, vlan }) => `bridge ${bridge} ${vlan}`)]),
  );
  return (network) => [`network ${network}`, ...(bridges.get(network) ?? [])];
}

function indexOwners(spaces: readonly Space[]): Owners {
  const all = spaces.flatMap((space) =>
    space.members.flatMap((member) =>
      member.segments.flatMap((segment) =>
        member.addresses.map((address) => ({ key: `${segment} ${address}`, member, space })),
      ),
    ),
  );
  return Map.groupBy(all, ({ key }) => key);
}

function judgeSpace(space: Space, owners: Owners): readonly Found[] {
  return space.addresses.flatMap(({ link, prefix }) => {
    const address = formatAddress(prefix.address);
    const rivals = space.members
      // A container answers for its IPv4 addresses on all its links, for its IPv6 addresses on the link that has them.
      .filter(({ view }) => prefix.address.family === 4 || view.ifname === link)
      .flatMap((holder) =>
        holder.segments.flatMap((segment) =>
          (owners.get(`${segment} ${address}`) ?? [])
            .filter((owner) => owner.space !== space)
            .map((owner) => ({ holder, owner })),
        ),
      );
    const found = new Map(rivals.map((rival) => [rival.owner.member, rival]));
    return [...found.values()].flatMap(({ holder, owner }) =>
      describe({ prefix, link, holder, space }, owner.member, owner.space),
    );
  });
}

interface Place {
  readonly prefix: Prefix;
  readonly link: string;
  readonly holder: Member;
  readonly space: Space;
}

/** Of two attachments that got one address, the pair is a finding of the later one. */
function describe({ prefix, link, holder, space }: Place, owner: Member, ownerSpace: Space): readonly Found[] {
  const address = formatAddress(prefix.address);
  const isOwn = space.members.some(({ addresses }) => addresses.includes(address));
  if (isOwn && (holder.view.since ?? 0) < (owner.view.since ?? 0)) return [];
  const { network } = owner.view;
  const whose = `${address} of ${network} ${describeAttachment(owner.view, ownerSpace.netns)}`;
  const where = `is also on interface ${link} of ${holder.view.containerId} (netns ${findNetnsName(space.netns) ?? space.netns})`;
  const cure = isOwn
    ? `stop container ${holder.view.containerId}, and start it again`
    : deletion(space.netns, prefix, link);
  return [{ level: "error", subject: network, message: `${whose} ${where}`, cure }];
}

function deletion(netns: string, prefix: Prefix, link: string): string {
  const name = findNetnsName(netns);
  const inside = name === undefined ? `nsenter --net=${netns} ip` : `ip -n ${name}`;
  return `${inside} address delete ${formatPrefix(prefix)} dev ${link}`;
}
