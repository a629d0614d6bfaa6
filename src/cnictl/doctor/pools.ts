import type { Inventory } from "../inventory/inventory.ts";
import { attempt, type Check } from "./examination.ts";
import type { Found } from "./finding.ts";

/** The use of a pool in per cent from which on it is a finding. */
const NEARLY_FULL = 80n;

/** Range sets of host-local that are nearly used up. */
export const poolCheck: Check = {
  name: "pool",
  run: ({ inventory }) => inventory().folders.flatMap((folder) => attempt(folder.network, () => judgeFolder(folder))),
};

function judgeFolder({ network, pools, leases, resting }: Inventory["folders"][number]): readonly Found[] {
  return (pools?.sets ?? []).map(({ ranges, size, contains }) => {
    const leased = leases.filter(({ address }) => contains(address));
    const reclaimable = leased.filter((lease) => lease.reclaimable !== undefined).length;
    const rests = [...resting.keys()].filter(contains).length;
    const used = BigInt(leased.length);
    const percent = size <= 0n ? 100n : (used * 100n) / size;
    const counts = `${used} of ${size} addresses are leased (${percent} %), ${reclaimable} of them reclaimable, ${rests} rest`;
    const found = { subject: network, message: `${ranges}: ${counts}` };
    if (used * 100n < size * NEARLY_FULL) return { ...found, level: "ok" };
    const isFull = used >= size && reclaimable === 0;
    const cure = reclaimable > 0 ? `cnictl gc ${network}` : "delete containers, or add a range to the list";
    return { ...found, level: isFull ? "error" : "warning", cure };
  });
}
