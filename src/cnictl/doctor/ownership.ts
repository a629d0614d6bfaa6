import fs from "#fs";
import type { Check } from "./examination.ts";
import type { Found } from "./finding.ts";

/** Write permission for group and others. inode(7) */
const WRITABLE = 0o022;

/** Lists, and their folder, that others than root may write, although root runs the plugins that they name. */
export const ownershipCheck: Check = {
  name: "list",
  run: ({ directory, files }) => {
    // Somebody else runs plugins with rights of his own.
    if (fs.statSync("/proc/self").uid !== 0) return [];
    return [...judgePlace(directory, "755"), ...files.flatMap(({ file }) => judgePlace(file, "644"))];
  },
};

function judgePlace(place: string, mode: string): readonly Found[] {
  const found = fs.statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return [];
  const flaws = [
    ...(found.uid === 0 ? [] : [`belongs to user ${found.uid}`]),
    ...((found.mode & WRITABLE) === 0 ? [] : ["may be written by its group or others"]),
  ];
  if (flaws.length === 0) return [{ level: "ok", subject: place, message: "only root may write it" }];
  const message = `it ${flaws.join(" and ")}: root would run what they write`;
  return [{ level: "warning", subject: place, message, cure: `chown root: ${place} && chmod ${mode} ${place}` }];
}
