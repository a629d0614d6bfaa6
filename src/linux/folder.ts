import fs from "#fs";
import path from "#path";
import { ERRNO, errnoOf } from "../platform/errno.ts";

/**
 * Creates a folder and its missing parents, like `mkdir -p`. Returns the first folder that was missing. A folder that another process
 * creates at that moment is no error. `folder` is absolute. @throws the errors of node:fs
 */
export function makeFolders(folder: string, mode: number): string | undefined {
  // Not mkdir's own recursion: Node.js reports a read-only file system as ENOENT there.
  const missing: string[] = [];
  for (let at = folder; !fs.existsSync(at); at = path.dirname(at)) missing.unshift(at);
  for (const each of missing) {
    try {
      fs.mkdirSync(each, { mode });
    } catch (error) {
      const isMadeByAnother = errnoOf(error) === ERRNO.EEXIST && fs.existsSync(each);
      if (!isMadeByAnother) throw error;
    }
  }
  return missing[0];
}
