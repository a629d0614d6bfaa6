import * as z from "zod/mini";
import fs from "#fs";
import path from "#path";
import { parseConfig } from "../cni/config.ts";
import { formatJson, parseJson } from "../cni/json.ts";
import { readFile } from "../linux/bounded-file.ts";
import { isFileName, type Manifest, manifestSchema } from "./installation.ts";
import { linkOrCopy, writeText } from "./staging.ts";

/** The folder of what the last installation replaced: its files by name, and the record. */
export const PREVIOUS = ".cni-plugins-ts.old";

const RECORD = ".record.json";

/** What was there before the last installation. */
export interface Previous {
  /** The installation of before; undefined if there was none, but perhaps other plugins. */
  readonly manifest: Manifest | undefined;
  /** Names that held something, which is kept. */
  readonly kept: readonly string[];
  /** Names that held nothing. */
  readonly added: readonly string[];
}

const recordSchema = () => z.object({ manifest: z.optional(manifestSchema()), added: z.array(z.string()) });

/** What the last installation in a directory replaced; undefined if nothing is kept. @throws Error if the record cannot be read */
export function findPrevious(directory: string): Previous | undefined {
  const folder = path.join(directory, PREVIOUS);
  if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const { manifest, added } = parseConfig(recordSchema, parseJson(readFile(path.join(folder, RECORD))));
  const names = added.filter(isFileName);
  return {
    manifest,
    added: names,
    kept: fs
      .readdirSync(folder)
      .filter((name) => name !== RECORD)
      .sort(),
  };
}

/** Keeps the files of these names, in the place of what was kept before. */
export function keepPrevious(directory: string, staging: string, { manifest, kept, added }: Previous): void {
  const fresh = path.join(staging, "previous");
  const folder = path.join(directory, PREVIOUS);
  fs.mkdirSync(fresh, { mode: 0o700 });
  for (const name of kept) linkOrCopy(path.join(directory, name), path.join(fresh, name));
  writeText(path.join(fresh, RECORD), formatRecord({ manifest, added }));
  if (fs.existsSync(folder)) fs.renameSync(folder, path.join(staging, "older"));
  fs.renameSync(fresh, folder);
}

/** Keeps the files of further names beside what is kept by the installation that this one continues. */
export function keepMore(directory: string, staging: string, more: Pick<Previous, "kept" | "added">): void {
  const folder = path.join(directory, PREVIOUS);
  const old = findPrevious(directory);
  const place = (name: string, write: (file: string) => void) => {
    const fresh = path.join(staging, `previous ${name}`);
    write(fresh);
    fs.renameSync(fresh, path.join(folder, name));
  };
  for (const name of more.kept) place(name, (fresh) => linkOrCopy(path.join(directory, name), fresh));
  const free = (old?.added ?? []).filter((name) => !more.kept.includes(name));
  const added = [...free, ...more.added];
  place(RECORD, (fresh) => writeText(fresh, formatRecord({ manifest: old?.manifest, added })));
}

/** Deletes what is kept. */
export function dropPrevious(directory: string): void {
  fs.rmSync(path.join(directory, PREVIOUS), { recursive: true, force: true });
}

function formatRecord(record: Pick<Previous, "manifest" | "added">): string {
  return `${formatJson(record)}\n`;
}
