// What to build: the plugins in the tree, and the module that lists them.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findCommit } from "./commit.mjs";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

export const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));

/** A plugin is a folder with a main.ts. */
const plugins = fs
  .readdirSync(path.join(root, "plugins"))
  .filter((name) => fs.existsSync(path.join(root, "plugins", name, "main.ts")))
  .sort();

/** The names under which the image is called. */
export const names = [...plugins, "cnictl"];

/** Values that replace names in capitals in the code, for an image that runs on `engine`. */
export function definitions(engine) {
  const { commit, date } = findCommit(root);
  const values = { PACKAGE_VERSION: manifest.version, COMMIT: commit, COMMIT_DATE: date, ENGINE: engine };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
}

/** The source of "#image" (src/image/image.d.ts). A getter loads a plugin's module only when that plugin is requested. */
export function imageTable() {
  const imports = plugins.map((name, i) => `import { plugin as plugin${i} } from "../../plugins/${name}/main.ts";`);
  const getters = plugins.map((name, i) => `  get ${JSON.stringify(name)}() { return plugin${i}; },`);
  const build = "export const build = { version: PACKAGE_VERSION, commit: COMMIT, date: COMMIT_DATE, engine: ENGINE };";
  return [...imports, build, "export const plugins = {", ...getters, "};"].join("\n");
}
