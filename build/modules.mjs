// The modules of the native image: every file that the entry imports, directly or not. Each becomes a function that puts its exports on a
// module object (native/host.c). Nothing here depends on which files there are, or on how their imports are written.
import fs from "node:fs";
import path from "node:path";
import * as esbuild from "esbuild";
import { linkModule, readModule } from "./link.mjs";
import { bundlePackage } from "./packages.mjs";
import { AS_WRITTEN, compileSchemas, isSchema } from "./schemas.mjs";
import { definitions, imageTable, manifest, root } from "./tree.mjs";

const TABLE = "src/image/image-table.ts";

/**
 * All modules that the entries import, directly or not, sorted by name: `{ name, code }`, and of a package also its `files`. Stack traces
 * show these names. `load` returns a file's source; tests use it to change the source.
 */
export async function collectModules(entries, load = (file) => fs.readFileSync(path.join(root, file), "utf8")) {
  const modules = new Map();
  const members = new Map();
  const queue = [...entries];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (modules.has(name)) continue;
    const module = readModule(await transform(name, load));
    const targets = targetsOf(module, name);
    modules.set(name, { module, targets });
    for (const each of module.imports) {
      const target = targets.get(each.specifier);
      if (isPackage(target)) members.set(target, [...(members.get(target) ?? []), ...each.members]);
      else queue.push(target);
    }
  }
  for (const [name, used] of members) {
    const { files, ...bundled } = await bundlePackage(name, used);
    const module = readModule(bundled);
    modules.set(name, { module, targets: targetsOf(module, ""), files });
  }
  const names = [...modules.keys()].sort();
  return names.map((name) => {
    const { module, targets, files } = modules.get(name);
    const numberOf = (specifier) => names.indexOf(targets.get(specifier));
    return { name, files, code: linkModule(module, { numberOf, isPackage: isPackage(name) }) };
  });
}

/** What a module's imports refer to: a file of ours, by its path from the root, or a package, by its name. */
function targetsOf({ imports }, name) {
  return new Map(imports.map(({ specifier }) => [specifier, resolve(specifier, name)]));
}

function isPackage(name) {
  return !/^(src|plugins|test|schema)\//.test(name);
}

const [, engineVersion] = /^quickjs-ng==(\S+)/m.exec(
  fs.readFileSync(path.join(root, "native/requirements.txt"), "utf8"),
);
const define = definitions(`QuickJS-NG ${engineVersion}`);

/** Transforms a file into a CommonJS module, with its source map. */
async function transform(name, load) {
  const { code, map } = await esbuild.transform(await sourceOf(name, load), {
    loader: "ts",
    format: "cjs",
    platform: "neutral",
    target: "esnext",
    charset: "utf8",
    legalComments: "none",
    sourcemap: true,
    sourcesContent: false,
    define,
  });
  return { name, code, map: JSON.parse(map) };
}

async function sourceOf(name, load) {
  if (name === TABLE) return imageTable();
  if (name.endsWith(AS_WRITTEN)) return load(name.slice(0, -AS_WRITTEN.length));
  // As text it takes a third of the space.
  if (name.endsWith(".json"))
    return `export default JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(load(name))))});`;
  if (isSchema(name)) return compileSchemas(path.join(root, name));
  return load(name);
}

function resolve(specifier, importer) {
  if (specifier === "#image") return TABLE;
  if (specifier.startsWith("#")) return path.normalize(manifest.imports[specifier].native);
  if (specifier.startsWith("/")) return path.relative(root, specifier);
  if (specifier.startsWith(".")) return path.join(path.dirname(importer), specifier);
  if (specifier.startsWith("node:"))
    throw new Error(`${importer} imports ${specifier}, which the native image has not`);
  return specifier;
}
