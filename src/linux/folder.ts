import fs from "#fs";
import path from "#path";
import { ERRNO, errnoOf } from "../platform/errno.ts";

/**
 * Makes a folder and those above it that are missing, like `mkdir -p`; returns the first that was. One that somebody makes meanwhile is
 * fine. `folder` is absolute. @throws what node:fs throws
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
