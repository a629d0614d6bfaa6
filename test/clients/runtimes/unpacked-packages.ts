import fs from "node:fs";
import path from "node:path";
import { NewestPackages } from "../../parity/debian.ts";
import { cache } from "./go-module.ts";

/** A folder with packages of the distribution's newest suite, unpacked once and not installed. @throws Error where they are not to be had */
export function unpackedPackages(name: string, packages: readonly string[]): string {
  const folder = path.join(cache, name);
  const unfinished = `${folder}.${process.pid}`;
  try {
    if (!fs.existsSync(folder)) unpack(packages, unfinished, folder);
  } catch (error) {
    const help = `unpack the packages ${packages.join(", ")} into ${folder} by hand`;
    throw new Error(`Cannot have the distribution's newest ${name}: ${help}`, { cause: error });
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

function unpack(packages: readonly string[], unfinished: string, folder: string): void {
  fs.mkdirSync(unfinished, { recursive: true });
  const newest = new NewestPackages();
  try {
    for (const name of packages) newest.unpack(name, unfinished);
    fs.renameSync(unfinished, folder);
  } finally {
    newest.dispose();
  }
}
