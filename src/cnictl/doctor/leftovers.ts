import type { KnownAttachment } from "../inventory/attachments.ts";
import { isGone } from "../inventory/gone.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { type Check, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { cureFinder, hasOwnMarks, type LeftoverCures } from "./leftover-cures.ts";

/** How many attachments a finding names. */
const NAMED = 3;

/** What containers that are gone have left: results, leases, links, elements, ports and records. */
export const leftoverCheck: Check = {
  name: "leftover",
  run: (examination) => {
    const { inventory, isLiving } = examination;
    const found = inventory();
    const curesFor = cureFinder(examination);
    return [
      ...groups(found.attachments, (each) => stateOf(each, isLiving)).flatMap((group) =>
        orCannotTell(group.network, () => [describeGroup(group, curesFor(group.network))]),
      ),
      ...found.folders.flatMap((folder) =>
        orCannotTell(folder.network, () => judgeRecords(folder, curesFor(folder.network))),
      ),
      ...judgeProblems(found),
    ];
  },
};

/** Why an attachment is a leftover. */
type State = "gone" | "reclaimable" | "unknown";

interface Group {
  readonly network: string;
  readonly state: State;
  readonly attachments: readonly KnownAttachment[];
}

/** The attachments that are leftovers, by network and reason. */
function groups(
  attachments: readonly KnownAttachment[],
  stateOfEach: (attachment: KnownAttachment) => State | undefined,
): readonly Group[] {
  const found = new Map<string, KnownAttachment[]>();
  const keys = new Map<string, Pick<Group, "network" | "state">>();
  for (const attachment of attachments) {
    const state = stateOfEach(attachment);
    if (state === undefined) continue;
    const { network } = attachment;
    const key = `${state} ${network}`;
    keys.set(key, { network, state });
    const group = found.get(key) ?? [];
    group.push(attachment);
    found.set(key, group);
  }
  return [...keys].map(([key, each]) => ({ ...each, attachments: found.get(key) ?? [] }));
}

/** Undefined if the attachment may be in use. The kernel deletes a veth with its namespace, so one that is there has a container. */
function stateOf(attachment: KnownAttachment, isLiving: (netns: string) => boolean): State | undefined {
  const { cached, leases, links, network } = attachment;
  if (cached !== undefined) return isGone(attachment, isLiving) ? "gone" : undefined;
  if (links.some(({ kind }) => kind === "veth") || network === "") return undefined;
  if (leases.some(({ reclaimable }) => reclaimable === undefined)) return undefined;
  if (hasOwnMarks(attachment)) return "unknown";
  return leases.length > 0 ? "reclaimable" : undefined;
}

/** The states in words. */
const WORDS: Readonly<Record<State, string>> = {
  gone: "namespace gone",
  reclaimable: "ADD may reclaim it",
  unknown: "no interface and no result of ADD",
};

function describeGroup({ network, state, attachments }: Group, cures: LeftoverCures): Found {
  const names = attachments.slice(0, NAMED).map(({ containerId, ifname }) => `${containerId} ${ifname}`.trim());
  const others = attachments.length > NAMED ? `, and ${attachments.length - NAMED} more` : "";
  const message = `left by ${names.join(", ")}${others} (${WORDS[state]}): ${countHoldings(attachments)}`;
  const level = state === "reclaimable" ? "note" : "warning";
  return { level, subject: network, message, cure: cureOf(state, attachments, cures) };
}

function cureOf(state: State, attachments: readonly KnownAttachment[], cures: LeftoverCures): string {
  if (state === "gone") return cures.gone(attachments);
  if (state === "unknown") return cures.unknown;
  return cures.reclaimable(attachments.flatMap(({ leases }) => leases.map(({ address }) => address)));
}

/** "2 results, 1 lease, 1 link, 3 elements, 1 port" */
function countHoldings(attachments: readonly KnownAttachment[]): string {
  const sum = (count: (attachment: KnownAttachment) => number) =>
    attachments.reduce((total, attachment) => total + count(attachment), 0);
  const counts: readonly (readonly [number, string])[] = [
    [sum(({ cached }) => (cached === undefined ? 0 : 1)), "result"],
    [sum(({ leases }) => leases.length), "lease"],
    [sum(({ links }) => links.length), "link"],
    [sum(({ places }) => places.reduce((total, { count }) => total + count, 0)), "element"],
    [sum(({ ports }) => ports.length), "port"],
  ];
  return counts
    .flatMap(([count, noun]) => (count === 0 ? [] : [`${count} ${noun}${count === 1 ? "" : "s"}`]))
    .join(", ");
}

function judgeRecords(
  { network, folder, strayRecords }: Inventory["folders"][number],
  cures: LeftoverCures,
): readonly Found[] {
  const count = strayRecords.length;
  if (count === 0) return [];
  const message = `${count} ${count === 1 ? "record" : "records"} of attachments without a lease`;
  return [{ level: "note", subject: network, message, cure: cures.records(folder, strayRecords) }];
}

/** What the inventory could not read. Broken lists are a finding of their own. */
function judgeProblems({ problems, broken }: Inventory): readonly Found[] {
  return problems
    .filter((problem) => !broken.some(({ file }) => problem.startsWith(`${file}: `)))
    .map((problem) => ({ level: "warning", subject: "inventory", message: `cannot tell: ${problem}` }));
}
