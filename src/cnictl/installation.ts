import * as z from "zod/mini";
import { sha256 } from "#digest";
import fs from "#fs";
import path from "#path";
import { parseConfig } from "../cni/config.ts";
import { reasonOf } from "../cni/error.ts";
import { formatJson, parseJson } from "../cni/json.ts";
import { readFile } from "../linux/bounded-file.ts";
import { isMissing } from "../runtime/file-error.ts";
import { formatCall } from "./call-text.ts";

/** The description of an installation, in a file beside its executables. */
export interface Manifest {
  readonly version: string;
  /** SHA-256, in hex, of every image that the names may contain. The last one was installed last. */
  readonly images: readonly string[];
  readonly names: readonly string[];
  /** An installation has begun to change names, and has not ended. */
  readonly unfinished?: boolean | undefined;
}

/** What a manifest has, in JSON. */
export const manifestSchema = () =>
  z.object({
    version: z.string(),
    images: z.array(z.string()),
    names: z.array(z.string()),
    unfinished: z.optional(z.boolean()),
  });

/** An installation is not as it must be; `advice` says what to do. */
export class InstallError extends Error {
  readonly advice: string | undefined;

  constructor(message: string, options: { advice?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.advice = options.advice;
  }
}

/** Runs `act`. A failed file operation becomes an InstallError that begins with `context`. */
export function withContext<T>(context: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && typeof cause.code === "string")) throw cause;
    const mayNot = ["EACCES", "EPERM"].includes(cause.code);
    throw new InstallError(`${context}: ${cause.message}`, { cause, ...(mayNot ? { advice: "run it as root" } : {}) });
  }
}

/** The manifest's file name. An extra file is harmless, because runtimes look up plugins by name. */
export const MANIFEST = ".cni-plugins-ts.json";

/** The manifest of a directory; undefined if nothing is installed. @throws InstallError if the manifest is invalid */
export function findManifest(directory: string): Manifest | undefined {
  const file = path.join(directory, MANIFEST);
  try {
    const manifest = parseConfig(manifestSchema, parseJson(readFile(file)));
    return { ...manifest, names: manifest.names.filter(isFileName) };
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    const advice = `remove it, and run ${formatCall("install", { force: true, dir: directory })}`;
    throw new InstallError(`Cannot read ${file}: ${reasonOf(cause)}`, { cause, advice });
  }
}

/** The manifest as file content. */
export function formatManifest(manifest: Manifest): string {
  return `${formatJson(manifest)}\n`;
}

/** What a name holds: nothing, an executable file (`digest` is its SHA-256, in hex), something else, or a directory. */
export interface Occupant {
  readonly kind: "nothing" | "file" | "other" | "directory";
  readonly digest: string;
}

/** Whether a text is the name of a file in a directory, and leads nowhere else. */
export function isFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/");
}

/** What each name of a directory holds. Hard links of one file are read once. */
export function findOccupants(directory: string, names: readonly string[]): ReadonlyMap<string, Occupant> {
  const digests = new Map<number, string>();
  return new Map(names.map((name) => [name, occupantOf(path.join(directory, name), digests)]));
}

/** SHA-256 of a file, in hex. */
export function digestFile(file: string): string {
  return sha256(fs.readFileSync(file));
}

function occupantOf(file: string, digests: Map<number, string>): Occupant {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { kind: "nothing", digest: "" };
  if (stat.isDirectory()) return { kind: "directory", digest: "" };
  if (!stat.isFile()) return { kind: "other", digest: "" };
  const digest = digests.get(stat.ino) ?? digestFile(file);
  digests.set(stat.ino, digest);
  return { kind: "file", digest };
}
