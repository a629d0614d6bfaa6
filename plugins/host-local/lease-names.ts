import { listNames } from "./lease-folder.ts";

/** Names looked for one by one before all are read at once: where it costs as much. */
const LOOKS = 200;

/** Tells of names in a folder whether there is such a file, without reading a large folder as long as few are there. */
export function lookForNames(folder: string, exists: (path: string) => boolean): (name: string) => boolean {
  let found = 0;
  let names: ReadonlySet<string> | undefined;
  return (name) => {
    if (found > LOOKS) names ??= new Set(listNames(folder));
    const isThere = names?.has(name) ?? exists(`${folder}/${name}`);
    if (isThere) found += 1;
    return isThere;
  };
}
