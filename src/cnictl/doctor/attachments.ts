import { findCached, readCache } from "../../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../../runtime/cache-entry.ts";
import { checkEachPlugin } from "../../runtime/check-each.ts";
import type { Network } from "../../runtime/network.ts";
import { cureForDifferences } from "../difference-cures.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { describeAttachment } from "./netns-name.ts";

/** How long in milliseconds each plugin may take for CHECK. */
const DEADLINE = 5_000;

/** How many attachments a finding names. */
const NAMED = 5;

/** CHECK of this image's plugins for every attachment that lives: what others took since its ADD, such as rules that were flushed. */
export const attachmentCheck: Check = {
  name: "attachment",
  run: (examination) => {
    const { runtime, isLiving, locked } = examination;
    const networks = new Map<string, Checked>();
    const findings: Found[] = [];
    for (const { entry } of readCache(runtime.cacheDirectory) ?? []) {
      if (entry === undefined || entry.attachment.netns === "" || !isLiving(entry.attachment.netns)) continue;
      if (locked.has(entry.network)) continue;
      const checked = networks.get(entry.network) ?? { count: 0, differences: [] };
      networks.set(entry.network, checked);
      const look = () => {
        const differences = differencesOf(examination, entry);
        checked.differences.push(...(differences ?? []));
        if (differences !== undefined) checked.count += 1;
        return [];
      };
      findings.push(...orCannotTell(entry.network, look));
    }
    return [
      ...[...networks].map(([network, checked]) => judgeChecked(network, checked)),
      ...[...locked].map(([network, file]) => describeUnchecked(network, file)),
      ...findings,
    ];
  },
};

/** What CHECK said of the attachments of a network. */
export interface Checked {
  /** Of those that plugins of this image were asked about. */
  count: number;
  /** One for each attachment that is not as it should be. */
  readonly differences: Difference[];
}

interface Difference {
  /** The attachment with its namespace. */
  readonly whose: string;
  readonly texts: readonly string[];
}

/** The finding about the attachments of a network. It names five of those that differ, and what several differ in once. */
export function judgeChecked(subject: string, { count, differences }: Checked): Found {
  if (count === 0) return { level: "ok", subject, message: "no attachment could be checked" };
  if (differences.length === 0) return { level: "ok", subject, message: `${count} attachments are as ADD made them` };
  const named = differences.slice(0, NAMED);
  const others = differences.length > NAMED ? [`And ${differences.length - NAMED} more`] : [];
  const lines = [...describeGroups(named), ...others].join(". ");
  const message = `${differences.length} of ${count} attachments are not as ADD made them: ${lines}`;
  const texts = differences.flatMap((each) => each.texts);
  return { level: "error", subject, message, cure: cureForDifferences(subject, texts) };
}

/** For each group of attachments with texts in common: the attachments, and these texts. */
function describeGroups(differences: readonly Difference[]): readonly string[] {
  const texts = new Set(differences.flatMap((each) => each.texts));
  const ownersOf = (text: string) =>
    differences
      .filter((each) => each.texts.includes(text))
      .map(({ whose }) => whose)
      .join(", ");
  return [...Map.groupBy(texts, ownersOf)].map(([owners, each]) => `${owners}: ${each.join("; ")}`);
}

/** Each CHECK would wait for seconds. */
function describeUnchecked(subject: string, file: string): Found {
  return { level: "warning", subject, message: `cannot tell: CHECK waits for the lock ${file}` };
}

/**
 * One difference if the attachment is not as it should be, else none; undefined if no plugin could be asked. The list is that of its ADD, as
 * for `cnictl reapply`.
 */
function differencesOf(
  { runtime, networks, isLiving, isOurs, silent }: Examination,
  entry: CachedEntry,
): readonly Difference[] | undefined {
  const { attachment } = entry;
  const network = networkOf(entry, networks);
  const plugins = network?.plugins.filter(({ type }) => isOurs(type) && !silent.has(type)) ?? [];
  if (network === undefined || plugins.length === 0) return undefined;
  const quiet = { ...runtime, deadline: DEADLINE, log: () => {} };
  const said = checkEachPlugin(quiet, { network: { ...network, plugins }, attachment });
  // "no CHECK in this version"
  if (typeof said === "string") return undefined;
  const errors = said.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
  if (errors.length === 0) return [];
  // A DEL may have begun since.
  const key = { directory: runtime.cacheDirectory, network: entry.network, attachment };
  if (findCached(key) === undefined || !isLiving(attachment.netns)) return [];
  return [
    { whose: describeAttachment(attachment, attachment.netns), texts: errors.flatMap((text) => text.split("; ")) },
  ];
}

/** The list of the ADD; if its plugins are in files of their own, the one in the folder. */
function networkOf(entry: CachedEntry, networks: readonly Network[]): Network | undefined {
  const network = cachedNetwork(entry);
  return network.plugins.length > 0 ? network : networks.find(({ name }) => name === entry.network);
}
