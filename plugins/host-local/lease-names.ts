import { listNames } from "./lease-folder.ts";

/** Number of names to look up one by one. For more, reading the whole folder costs less. */
const LOOKS = 200;

/** Returns a function that says whether a folder has a file of that name. It does not read a large folder if few names are there. */
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
