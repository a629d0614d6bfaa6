import fs from "node:fs";
import path from "node:path";

const PLUGINS = path.join(import.meta.dirname, "../../plugins");

/** Megabytes (10^6 bytes) that a folder's plugins and cnictl take, a file of several names counted once; or those of one file. */
export function sizeOf(place: string): number {
  if (fs.statSync(place).isFile()) return fs.statSync(place).size / 1e6;
  const names = [...fs.readdirSync(PLUGINS), "cnictl"];
  const stats = names.flatMap((name) => fs.statSync(path.join(place, name), { throwIfNoEntry: false }) ?? []);
  const files = new Map(stats.map(({ ino, size }) => [ino, size]));
  return [...files.values()].reduce((total, size) => total + size, 0) / 1e6;
}
