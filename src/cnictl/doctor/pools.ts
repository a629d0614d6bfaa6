import type { Inventory } from "../inventory/inventory.ts";
import { viewLeases } from "../inventory/lease-view.ts";
import { type Check, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { cureFinder, type LeftoverCures } from "./leftover-cures.ts";

/** The use of a pool in per cent from which on it is a finding. */
const NEARLY_FULL = 80n;

/** Range sets of host-local that are nearly used up. */
export const poolCheck: Check = {
  name: "pool",
  run: (examination) => {
    const { inventory, isLiving } = examination;
    const { folders, attachments } = inventory();
    const curesFor = cureFinder(examination);
    return folders.flatMap((folder) =>
      orCannotTell(folder.network, () => {
        const views = viewLeases({ folders: [folder], attachments }, isLiving);
        const orphans = views.filter(({ state }) => state === "orphan").map(({ address }) => address);
        return judgeFolder(folder, { orphans, cures: curesFor(folder.network) });
      }),
    );
  },
};

function judgeFolder(
  { network, pools, leases, resting }: Inventory["folders"][number],
  { orphans, cures }: { readonly orphans: readonly string[]; readonly cures: LeftoverCures },
): readonly Found[] {
  return (pools?.sets ?? []).map(({ ranges, size, contains }) => {
    const leased = leases.filter(({ address }) => contains(address));
    const dead = leased.filter((lease) => lease.reclaimable !== undefined).map(({ address }) => address);
    const reclaimable = dead.length;
    const rests = [...resting.keys()].filter(contains).length;
    const used = BigInt(leased.length);
    const percent = size <= 0n ? 100n : (used * 100n) / size;
    const lost = orphans.filter(contains);
    const shares = `${reclaimable} of them reclaimable, ${lost.length} orphans, ${rests} rest`;
    const counts = `${used} of ${size} addresses are leased (${percent} %), ${shares}`;
    const found = { subject: network, message: `${ranges}: ${counts}` };
    if (used * 100n < size * NEARLY_FULL) return { ...found, level: "ok" };
    const isFull = used >= size && reclaimable === 0;
    const cure = reclaimable > 0 ? cures.reclaimable(dead) : cureOf(network, lost);
    return { ...found, level: isFull ? "error" : "warning", cure };
  });
}

/** `release` examines each address again, and deletes no lease that is in use. */
function cureOf(network: string, [orphan]: readonly string[]): string {
  if (orphan === undefined) return "delete containers, or add a range to the list";
  return `see the orphans with \`cnictl leases ${network}\`, and release each, or: cnictl release --network ${network} ${orphan}`;
}
