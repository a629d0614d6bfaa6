import { findCached, readCache } from "../../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../../runtime/cache-entry.ts";
import { checkEachPlugin } from "../../runtime/check-each.ts";
import type { Network } from "../../runtime/network.ts";
import { ownPlugins } from "../own-plugins.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";

/** How long in milliseconds each plugin may take for CHECK. */
const DEADLINE = 5_000;

/** CHECK of this image's plugins for every attachment that lives: what others took since its ADD, such as rules that were flushed. */
export const attachmentCheck: Check = {
  name: "attachment",
  run: (examination) => {
    const { runtime, edge, isLiving } = examination;
    const isOurs = ownPlugins(edge, runtime);
    const networks = new Map<string, Checked>();
    const findings: Found[] = [];
    for (const { entry } of readCache(runtime.cacheDirectory) ?? []) {
      if (entry === undefined || entry.attachment.netns === "" || !isLiving(entry.attachment.netns)) continue;
      const checked = networks.get(entry.network) ?? { count: 0, differences: [] };
      networks.set(entry.network, checked);
      const look = () => {
        checked.differences.push(...differencesOf(examination, entry, isOurs));
        checked.count += 1;
        return [];
      };
      findings.push(...orCannotTell(entry.network, look));
    }
    return [...[...networks].map(([network, checked]) => judge(network, checked)), ...findings];
  },
};

/** What CHECK said of the attachments of a network. */
interface Checked {
  count: number;
  /** One for each attachment that is not as it should be. */
  readonly differences: string[];
}

function judge(subject: string, { count, differences }: Checked): Found {
  const [first] = differences;
  if (first === undefined) return { level: "ok", subject, message: `${count} attachments are as ADD made them` };
  const message = `${differences.length} of ${count} attachments are not as ADD made them: ${first}`;
  return { level: "error", subject, message, cure: `cnictl reapply ${subject}` };
}

/** One text if the attachment is not as it should be, else none. The list is that of its ADD, as for `cnictl reapply`. */
function differencesOf(
  { runtime, networks, isLiving }: Examination,
  entry: CachedEntry,
  isOurs: (type: string) => boolean,
): readonly string[] {
  const { attachment } = entry;
  const network = networkOf(entry, networks);
  if (network === undefined) return [];
  const plugins = network.plugins.filter(({ type }) => isOurs(type));
  const quiet = { ...runtime, deadline: DEADLINE, log: () => {} };
  const said = checkEachPlugin(quiet, { network: { ...network, plugins }, attachment });
  // "no CHECK in this version"
  if (typeof said === "string") return [];
  const errors = said.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
  if (errors.length === 0) return [];
  // A DEL may have begun since.
  const key = { directory: runtime.cacheDirectory, network: entry.network, attachment };
  if (findCached(key) === undefined || !isLiving(attachment.netns)) return [];
  return [`${attachment.containerId} ${attachment.ifname}: ${errors.join("; ")}`];
}

/** The list of the ADD; if its plugins are in files of their own, the one in the folder. */
function networkOf(entry: CachedEntry, networks: readonly Network[]): Network | undefined {
  const network = cachedNetwork(entry);
  return network.plugins.length > 0 ? network : networks.find(({ name }) => name === entry.network);
}
