import fs from "node:fs";
import path from "node:path";

export const root = path.join(import.meta.dirname, "../..");

/** Files below a folder of the repository, as paths from its root. */
export function filesOf(folder: string): string[] {
  const entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))).sort();
}

export function read(file: string): string {
  return fs.readFileSync(path.join(root, file), "utf8");
}

/** Everything that gets into the executables. */
export const SHIPPED = [...filesOf("src"), ...filesOf("plugins")].filter((file) => /\.ts$/.test(file));

export const PLUGINS = fs.readdirSync(path.join(root, "plugins")).sort();

/** A file's code: comments and the text of strings taken out, so that a word in a sentence is no finding. */
export function codeOf(file: string): string {
  const comment = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
  const string = /"(?:[^"\\\n]|\\.)*"/g;
  return read(file).replaceAll(comment, "").replaceAll(string, '""');
}

const IMPORT = /^(?:import|export)\b[^;"]*\bfrom "([^"\n]+)"|^import "([^"\n]+)"|\b(?:import|require)\("([^"\n]+)"\)/gm;

const TYPES = /^(?:import|export) type\b[^;"]*\bfrom "[^"\n]+";/gm;

/** What a file imports: packages by name, our own files as paths from the root. */
export function importsOf(file: string): string[] {
  return findImports(file, read(file));
}

/** What a file loads when it runs: importsOf() without what is imported for its types. */
export function loadsOf(file: string): string[] {
  return findImports(file, read(file).replaceAll(TYPES, ""));
}

function findImports(file: string, code: string): string[] {
  const names = [...code.matchAll(IMPORT)].map(([, from, bare, call]) => from ?? bare ?? call ?? "");
  return names.map((name) => pathOf(file, name));
}

/** A name that a file imports by, as a path from the root if it is one of our own files'. */
export function pathOf(file: string, name: string): string {
  return name.startsWith(".") ? path.normalize(path.join(path.dirname(file), name)) : name;
}
