import { decoderOf, type Fields } from "../../src/netlink/fields.ts";
import type { LinkAttributes } from "../../src/netlink/link/attributes.ts";
import { IPVLAN_FIELDS, MACVLAN_FIELDS, MACVLAN_MODE, VLAN_FIELDS, VRF_FIELDS } from "../../src/netlink/link/child.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { FakeLink, Peer } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** Kinds of links that stand on another, with their settings. */
const CHILD_FIELDS: Readonly<Record<string, Fields>> = {
  macvlan: MACVLAN_FIELDS,
  ipvlan: IPVLAN_FIELDS,
  vlan: VLAN_FIELDS,
};

/** The kinds with settings: these, and those that stand on no link. */
export const SETTING_FIELDS: Readonly<Record<string, Fields>> = { ...CHILD_FIELDS, vrf: VRF_FIELDS };

/** What the kernel sets where nobody does. */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  macvlan: { mode: MACVLAN_MODE.VEPA, queueLength: 1000 },
  ipvlan: { mode: 0, flags: 0 },
  vlan: { id: 0, protocol: 0x8100 },
};

/** Kinds that take all packets of their parent. */
const RECEIVERS: readonly string[] = ["macvlan", "ipvlan"];

/** <linux/if_vlan.h> */
const VLAN_N_VID = 4096;

/** What a link that stands on another is going to be. */
interface Plan {
  readonly parent: Peer;
  readonly settings: Readonly<Record<string, number>>;
  /** What it has from its parent. */
  readonly given: Pick<LinkAttributes, "mac" | "mtu">;
}

/** Checks a link that is to stand on another; undefined for any other kind. @throws Refusal ENODEV, EINVAL, EEXIST, EBUSY, ERANGE */
export function planChild(machine: Machine, namespace: FakeNamespace, attributes: LinkAttributes): Plan | undefined {
  const { info, link: index, mtu, mac } = attributes;
  const kind = info?.kind ?? "";
  const fields = CHILD_FIELDS[kind];
  if (fields === undefined) return undefined;
  const data = decoderOf(fields)(info?.data ?? new Uint8Array());
  const settings = { ...DEFAULTS[kind], ...(data as Record<string, number>) };
  if (index === undefined) throw new Refusal(ERRNO.EINVAL);
  const asked = namespace.links.get(index);
  if (asked === undefined) throw new Refusal(ERRNO.ENODEV);
  if (kind !== "ipvlan" && mtu !== undefined && mtu > asked.mtu) throw new Refusal(ERRNO.EINVAL);
  const { place, parent } = lowest(kind, { namespace, link: asked });
  refuse(machine, { kind, settings, place, parent });
  const given = { mtu: mtu ?? asked.mtu, mac: macOf({ kind, settings, mac, parent }) };
  return { parent: { namespace: place, index: parent.index }, settings, given };
}

/** A macvlan has a MAC of its own, but in mode passthru its parent's. */
function macOf({
  kind,
  settings,
  mac,
  parent,
}: Pick<Plan, "settings"> & { kind: string; mac: string | undefined; parent: FakeLink }): string | undefined {
  if (kind === "macvlan") return settings["mode"] === MACVLAN_MODE.PASSTHRU ? parent.mac : mac;
  return mac ?? parent.mac;
}

/** Sets what a link stands on. All ipvlans of one parent have one mode, that of the newest. */
export function standOn(link: FakeLink, { parent, settings }: Plan): void {
  link.parent = parent;
  link.settings = settings;
}

/** The links that stand on a link, wherever they are. */
export function childrenOf(
  machine: Machine,
  namespace: FakeNamespace,
  index: number,
): readonly (readonly [FakeNamespace, FakeLink])[] {
  return machine.namespaces.flatMap((each) =>
    [...each.links.values()]
      .filter(({ parent }) => parent?.namespace === namespace && parent.index === index)
      .map((link) => [each, link] as const),
  );
}

/** A macvlan on a macvlan stands on what that stands on. */
function lowest(kind: string, { namespace, link }: { namespace: FakeNamespace; link: FakeLink }) {
  const below = link.kind === kind && kind !== "vlan" ? link.parent : undefined;
  const parent = below?.namespace.links.get(below.index);
  return below === undefined || parent === undefined
    ? { place: namespace, parent: link }
    : { place: below.namespace, parent };
}

function refuse(
  machine: Machine,
  {
    kind,
    settings,
    place,
    parent,
  }: { kind: string; settings: Plan["settings"]; place: FakeNamespace; parent: FakeLink },
): void {
  const siblings = childrenOf(machine, place, parent.index).map(([, link]) => link);
  if (kind === "vlan") {
    if ((settings["id"] ?? 0) >= VLAN_N_VID) throw new Refusal(ERRNO.ERANGE);
    if (siblings.some((each) => each.kind === kind && each.settings["id"] === settings["id"]))
      throw new Refusal(ERRNO.EEXIST);
    return;
  }
  const others = siblings.filter((each) => RECEIVERS.includes(each.kind));
  if (parent.port !== undefined || others.some((each) => each.kind !== kind)) throw new Refusal(ERRNO.EBUSY);
  if (kind === "ipvlan") {
    for (const each of others) each.settings = { ...each.settings, ...settings };
    return;
  }
  const isPassthru = (each: Plan["settings"]) => each["mode"] === MACVLAN_MODE.PASSTHRU;
  if (others.some((each) => isPassthru(each.settings)) || (isPassthru(settings) && others.length > 0))
    throw new Refusal(ERRNO.EINVAL);
}
