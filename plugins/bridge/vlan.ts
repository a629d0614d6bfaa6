import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { addVlans } from "../../src/netlink/vlan/add.ts";
import { deleteVlans } from "../../src/netlink/vlan/delete.ts";
import { listVlans } from "../../src/netlink/vlan/list.ts";
import { formatVlanIds, type PortVlan } from "../../src/netlink/vlan/message.ts";
import type { BridgeConfig } from "./config.ts";

/** The VLAN of untagged frames on a trunk port, unless `vlan` sets another. */
const NATIVE_VLAN = 1;

/** The VLANs of a port, in ascending order. An empty list leaves the port as the bridge creates it. */
export interface VlanPlan {
  readonly vlans: readonly PortVlan[];
  /** Whether the port also stays in the bridge's default VLAN. */
  readonly keepsDefault: boolean;
}

/** The VLANs that the configuration needs, as an error names them: `vlan 100`. Undefined if it needs none; then any bridge will do. */
export function needForVlans({ vlan, vlanTrunk }: Pick<BridgeConfig, "vlan" | "vlanTrunk">): string | undefined {
  if (vlan !== 0) return `vlan ${vlan}`;
  return vlanTrunk && `vlanTrunk [${formatVlanIds(vlanTrunk)}]`;
}

/** The VLANs of a container's port: `vlan` is untagged, `vlanTrunk` is tagged. An ID in both is untagged. */
export function planVlans(config: Pick<BridgeConfig, "vlan" | "vlanTrunk" | "preserveDefaultVlan">): VlanPlan {
  const { vlan, vlanTrunk: trunk = [], preserveDefaultVlan: keepsDefault } = config;
  const native = vlan === 0 && trunk.length > 0 ? NATIVE_VLAN : vlan;
  const ids = [...new Set([...(native === 0 ? [] : [native]), ...trunk])].sort((a, b) => a - b);
  return { vlans: ids.map((id) => ({ id, pvid: id === native, untagged: id === native })), keepsDefault };
}

/**
 * Adds a port to its VLANs, and removes it from the bridge's default VLAN. Repeating it is safe. Call it before the other end is up, so
 * that no frame passes in the wrong VLAN.
 */
export function joinVlans(netlink: Rtnetlink, bridge: Link, port: LinkId, plan: VlanPlan): void {
  if (plan.vlans.length === 0) return;
  addVlans(netlink, port, plan.vlans);
  const byDefault = bridge.bridge?.defaultVlan ?? 0;
  if (byDefault === 0 || plan.keepsDefault || plan.vlans.some(({ id }) => id === byDefault)) return;
  deleteVlans(netlink, port, [byDefault]);
}

/** The difference between a port's VLANs and its plan, as a sentence. */
export function checkVlans(netlink: Rtnetlink, bridge: Link, port: Link, plan: VlanPlan): string[] {
  if (plan.vlans.length === 0) return [];
  const isPlanned = (id: number) => plan.vlans.some((vlan) => vlan.id === id);
  const isTolerated = (id: number) => plan.keepsDefault && id === bridge.bridge?.defaultVlan;
  const found = listVlans(netlink, port).filter(({ id }) => isPlanned(id) || !isTolerated(id));
  const [is, expected] = [describe(found), describe(plan.vlans)];
  return is === expected ? [] : [`Port "${port.name}" has VLANs ${is}, expected ${expected}`];
}

function describe(vlans: readonly PortVlan[]): string {
  const list = (isListed: (vlan: PortVlan) => boolean) => {
    return formatVlanIds(vlans.filter(isListed).map(({ id }) => id)) || "none";
  };
  const pvid = list((vlan) => vlan.pvid);
  const untagged = list((vlan) => vlan.untagged);
  const tagged = list((vlan) => !vlan.untagged);
  return `(PVID ${pvid}, untagged ${untagged}, tagged ${tagged})`;
}
