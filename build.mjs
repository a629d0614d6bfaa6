// Bundles every plugin and cnictl into one image and packages it twice: dist/bin (Bun) and dist/pkg (Node, by pkg).
// usage: node build.mjs [--arch x64|arm64] [--only bin|pkg]
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { parse } from "acorn";
import * as esbuild from "esbuild";

const root = import.meta.dirname;
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const names = pluginNames();

/** Imports of functions whose modules are brought in only when one is called: where, and which. Without, each process starts 1 to 2 ms later. */
const LATE = [
  // Of a plugin's verbs a process runs one.
  { files: /\/plugins\/[^/]+\/main\.ts$/, imports: /^import \{ ([\w, ]+) \} from ("\.\/[^"]+");$/gm },
  // What few attachments need.
  {
    files: /\/plugins\/bridge\/(add|check|del|gc|status)\.ts$/,
    imports:
      /^import \{ ([\w, ]+) \} from ("(?:[./]+\/src\/(?:linux\/process|steps\/masquerade)|\.\/spoof-check)\.ts");$/gm,
  },
  // zod, for a configuration in which something is wrong.
  { files: /\/src\/cni\/config\.ts$/, imports: /^import \{ (\w+) \} from ("\.\/fields\.ts");$/gm },
  // A lock that somebody else has.
  { files: /\/host-local\/lock\.ts$/, imports: /^import \{ (\w+) \} from ("proper-lockfile");$/gm, member: ".default" },
];

/** Statements of esbuild's minified output. */
const IMPORT = /(?<=^|[;}\n])import(?:([\w$]+)|\s+([\w$]+)|\*as ([\w$]+))?,?(?:\{([^}]*)\})?(?:\s?from)?"([^"]+)";/g;
const EXPORT = /(?<=^|[;}\n])export\{([^}]*)\};/g;
const EXPORT_DEFAULT = /(?<=^|[;}\n])export default ([^;]+);/g;

const { values } = parseArgs({ options: { arch: { type: "string", default: os.arch() }, only: { type: "string" } } });
if (!["x64", "arm64"].includes(values.arch)) fail(`Unknown --arch "${values.arch}": must be x64 or arm64`);
if (![undefined, "bin", "pkg"].includes(values.only)) fail(`Unknown --only "${values.only}": must be bin or pkg`);

const suffix = values.arch === os.arch() ? "" : `-${values.arch}`;
if (values.only !== "pkg") await packWithBun(path.join(root, `dist/bin${suffix}`), values.arch);
if (values.only !== "bin") await packWithPkg(path.join(root, `dist/pkg${suffix}`), values.arch);

/** A plugin is a folder with a main.ts; cnictl is one more name of the image. */
function pluginNames() {
  const folders = fs.readdirSync(path.join(root, "plugins"));
  return [...folders.filter((name) => fs.existsSync(path.join(root, "plugins", name, "main.ts"))).sort(), "cnictl"];
}

/** The image's entry: argv[0] names the plugin. Only its code is run, and that of a plugin that it calls. */
function imageSource() {
  const plugins = names.filter((name) => name !== "cnictl");
  const loads = plugins.map((name) => `${JSON.stringify(name)}: () => import("./plugins/${name}/main.ts").plugin,`);
  return [
    `import { selectName } from "./src/cni/image.ts";`,
    `const plugins = {`,
    ...loads,
    `};`,
    `const find = (path) => plugins[selectName(path, path, PLUGIN_NAMES)]?.();`,
    `const name = selectName(process.argv0, process.execPath, PLUGIN_NAMES);`,
    `if (name === "cnictl") import("./src/cnictl/main.ts");`,
    `else if (name !== undefined) import("./src/cni/process.ts").runPlugin(plugins[name](), find);`,
    `else {`,
    `  require("node:fs").writeSync(2, "Cannot tell which plugin to run from the name \\"" + process.argv0 + "\\": must end in one of " + PLUGIN_NAMES.join(", ") + "\\n");`,
    `  process.exit(1);`,
    `}`,
  ].join("\n");
}

/** Turns those imports into import(), which linkChunks makes synchronous. */
function loadAtFirstCall() {
  const rewrite = (source, { imports, member = "" }) =>
    source.replace(imports, (_, list, file) => {
      const late = list.split(", ").map((name) => `${name} = (...args) => import(${file})${member}.${name}(...args)`);
      return `const ${late.join(", ")};`;
    });
  return {
    name: "load-at-first-call",
    setup({ onLoad }) {
      onLoad({ filter: /\/(?:plugins|src\/cni)\/.*\.ts$/ }, ({ path: file }) => {
        const rules = LATE.filter(({ files }) => files.test(file));
        return { contents: rules.reduce(rewrite, fs.readFileSync(file, "utf8")), loader: "ts" };
      });
    },
  };
}

/** Puts beside each function of a schema.ts the parser that is made of its schema here; the schema itself, and zod, wait until that refuses. */
function compileSchemas() {
  const byZod = "?by-zod";
  return {
    name: "compile-schemas",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\?by-zod$/ }, ({ path: file }) => ({
        path: file.slice(0, -byZod.length),
        namespace: "by-zod",
      }));
      onLoad({ filter: /./, namespace: "by-zod" }, ({ path: file }) => {
        return { contents: fs.readFileSync(file, "utf8"), loader: "ts", resolveDir: path.dirname(file) };
      });
      onLoad({ filter: /\/schema\.ts$/ }, async ({ path: file }) => {
        return { contents: await compileModule(file, file + byZod), loader: "js", resolveDir: path.dirname(file) };
      });
    },
  };
}

/** The module in a schema.ts's place. */
async function compileModule(file, original) {
  const scalars = path.join(root, "src/cni/scalars.ts");
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: [
        `export * as schemas from ${JSON.stringify(file)};`,
        `export * as readers from ${JSON.stringify(scalars)};`,
        `export { compileSchema, UnsupportedSchemaError } from "./src/cni/schema-compiler.ts";`,
      ].join("\n"),
      resolveDir: root,
    },
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    logLevel: "warning",
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { schemas, readers, compileSchema, UnsupportedSchemaError } = await import(
    `data:text/javascript;base64,${code}`
  );
  const compiled = Object.entries(schemas).map(([name, make]) => {
    const load = `() => import(${JSON.stringify(original)}).${name}()`;
    try {
      return `export const ${name} = Object.assign(${load}, { accept: ${compileSchema(make(), readers)} });`;
    } catch (error) {
      if (!(error instanceof UnsupportedSchemaError)) throw error;
      return `export const ${name} = ${load};`;
    }
  });
  return [`import { ${Object.keys(readers).join(", ")} } from ${JSON.stringify(scalars)};`, ...compiled].join("\n");
}

/**
 * Makes one script of the chunks that esbuild split the code into at each import(). A chunk is a function here, called when it is first
 * imported, there and then: import() gives the module itself and not a promise. In one scope all functions of all plugins would be made
 * in every process, which takes 1.5 ms. Nothing that is exported changes afterwards.
 */
function linkChunks(chunks) {
  const functions = chunks.map(({ path: file, text }) => {
    return `${JSON.stringify(`./${path.basename(file)}`)}:((exports)=>{${linkChunk(text)}})`;
  });
  return [
    `"use strict";const PLUGIN_NAMES=${JSON.stringify(names)};`,
    `const chunks={${functions.join(",\n")}};`,
    `const loaded={};`,
    `const load=(name)=>{let exports=loaded[name];if(exports===undefined){exports=loaded[name]={};chunks[name](exports)}return exports};`,
    `load("./stdin.js");`,
  ].join("\n");
}

function linkChunk(text) {
  const imports = [];
  const rest = text
    .replace(IMPORT, (_, first, second, all, list, from) => {
      const module = from.startsWith("./") ? `load("${from}")` : `require("${from}")`;
      const name = first ?? second;
      if (all !== undefined) imports.push(`const ${all}=${module};`);
      if (name !== undefined) imports.push(`const ${name}=${module}${from.startsWith("./") ? ".default" : ""};`);
      if (list !== undefined) imports.push(`const{${list.replaceAll(/ as /g, ":")}}=${module};`);
      if (all === undefined && name === undefined && list === undefined) imports.push(`${module};`);
      return "";
    })
    .replace(EXPORT_DEFAULT, "exports.default=$1;")
    .replace(EXPORT, (_, list) => {
      const members = list.split(",").map((member) => member.split(" as "));
      return members.map(([local, name = local]) => `exports.${name}=${local};`).join("");
    })
    .replaceAll(/\bimport\(("\.\/[^"]+")\)/g, "load($1)");
  const left = /(?<=^|[;}\n])(?:import|export)\b[^;]{0,80}/.exec(rest);
  if (left !== null) fail(`Cannot link a chunk: "${left[0]}" is in no form that is known`);
  return imports.join("") + rest;
}

/**
 * The same code with each function in parentheses, which is how V8 is told to compile it at once, and so for the code cache too: one
 * that it meets at run time otherwise takes its compiler. 8 to 12 ms of a call on Node.js. Declarations go to the start of their block.
 */
function compileEagerly(code) {
  const textOf = (node) => {
    const { type, start, end } = node;
    if (type === "BlockStatement" || type === "Program") return blockOf(node);
    const text = join(childrenOf(node), start, end);
    return type === "ArrowFunctionExpression" || (type === "FunctionExpression" && !node.isMethod) ? `(${text})` : text;
  };
  const join = (nodes, start, end) => {
    const ends = [start, ...nodes.map((each) => each.end)];
    const parts = nodes.map((each, i) => code.slice(ends[i], each.start) + textOf(each));
    return parts.join("") + code.slice(ends.at(-1), end);
  };
  const blockOf = ({ type, body }) => {
    const [open, close] = type === "Program" ? ["", ""] : ["{", "}"];
    const isFunction = (each) => each.type === "FunctionDeclaration";
    const functions = body
      .filter(isFunction)
      .map((each) => `let ${each.id.name}=(${join(childrenOf(each), each.start, each.end)});`);
    const directives = body.filter((each) => each.directive !== undefined);
    const rest = body.filter((each) => !isFunction(each) && each.directive === undefined);
    return [open, ...[...directives.map(textOf), ...functions, ...rest.map(textOf)], close].join("\n");
  };
  return textOf(parse(code, { ecmaVersion: "latest" }));
}

/** The nodes right below one, in the order of their text. */
function childrenOf(node) {
  const isMethod = node.type === "MethodDefinition" || node.method === true || ["get", "set"].includes(node.kind);
  const isNode = (value) => typeof value?.type === "string";
  const children = Object.values(node).flat().filter(isNode);
  if (isMethod) node.value.isMethod = true;
  // `{ a }` and `{ a = 1 }` have one text for key and value.
  const distinct = node.shorthand === true ? [node.value] : children;
  return distinct.sort((a, b) => a.start - b.start);
}

/**
 * proper-lockfile asks for signal-exit, to remove locks at the process's end: ours are removed by then, and its signal handlers
 * would need an event loop to run. Saves host-local 0.5 ms of an ADD.
 */
function omitSignalExit() {
  return {
    name: "omit-signal-exit",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^signal-exit$/ }, ({ path: name }) => ({ path: name, namespace: "omitted" }));
      onLoad({ filter: /.*/, namespace: "omitted" }, () => ({ contents: "module.exports = () => () => {};" }));
    },
  };
}

async function bundle(runtime) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: imageSource(), resolveDir: root, sourcefile: "image.ts", loader: "ts" },
    outdir: path.join(root, "dist/bundle"),
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    mainFields: ["module", "main"],
    conditions: [runtime],
    external: ["bun:ffi"],
    // proper-lockfile asks for graceful-fs, which costs several milliseconds at start and adds nothing to synchronous calls.
    alias: { "graceful-fs": "node:fs" },
    plugins: [compileSchemas(), loadAtFirstCall(), omitSignalExit()],
    define: { PACKAGE_VERSION: JSON.stringify(manifest.version) },
    logLevel: "warning",
  });
  const outfile = path.join(root, `dist/bundle/${runtime}.cjs`);
  fs.mkdirSync(path.dirname(outfile), { recursive: true });
  const code = linkChunks(outputFiles);
  fs.writeFileSync(outfile, runtime === "node" ? compileEagerly(code) : code);
  return outfile;
}

async function packWithBun(directory, arch) {
  const image = freshImage(directory);
  execFileSync(
    npmBinary(`@oven/bun-linux-${os.arch() === "arm64" ? "aarch64" : "x64"}`, "bin/bun"),
    [
      ...["build", "--compile", "--minify", "--bytecode", "--format=cjs"],
      ...[
        "--target",
        `bun-linux-${arch}`,
        "--compile-executable-path",
        npmBinary(`@oven/bun-linux-${arch === "arm64" ? "aarch64" : "x64"}`, "bin/bun"),
      ],
      // Code that runs for milliseconds is not worth compiling: 1 to 2 ms less of each process. A long loop still is compiled.
      "--compile-jit-policy=30",
      // A plugin run by root takes nothing from its working directory.
      ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
      ...[await bundle("bun"), "--outfile", image],
    ],
    { stdio: ["ignore", "ignore", "inherit"], cwd: root },
  );
  finish(directory, image);
}

async function packWithPkg(directory, arch) {
  const image = freshImage(directory);
  const home = stockPkgCache(arch);
  const script = `
    const { default: sea } = await import("@yao-pkg/pkg/lib-es5/sea.js");
    const { default: options } = await import("@yao-pkg/pkg/lib-es5/options.js");
    options.default.set({});
    await sea.default(${JSON.stringify(await bundle("node"))}, {
      targets: [{ platform: "linux", arch: ${JSON.stringify(arch)}, nodeRange: "node${nodeVersion()}", output: ${JSON.stringify(image)} }],
      signature: false,
      seaConfig: {
        disableExperimentalSEAWarning: true,
        useCodeCache: ${arch === os.arch()},
        // One helper thread instead of four: 1 ms less of each process. V8's own flags would make it drop the code cache (15 ms more).
        execArgv: ["--disable-warning=ExperimentalWarning", "--v8-pool-size=1"],
        execArgvExtension: "none",
      },
    });`;
  // pkg asks for Node 22 and looks for its base binaries below HOME.
  execFileSync(npmBinary(`node-linux-${os.arch()}`, "bin/node"), ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "ignore", "inherit"],
    cwd: root,
    env: { ...process.env, HOME: home },
  });
  finish(directory, image);
}

/** Lays the base binary out where pkg keeps its downloads, so that it downloads nothing. Returns the HOME to run it with. */
function stockPkgCache(arch) {
  const home = path.join(root, ".cache/pkg");
  for (const wanted of new Set([arch, os.arch()])) {
    const name = `node-v${nodeVersion()}-linux-${wanted}`;
    const folder = path.join(home, ".pkg-cache/sea");
    const binary = path.join(folder, name, "bin/node");
    fs.mkdirSync(path.dirname(binary), { recursive: true });
    fs.rmSync(binary, { force: true });
    fs.copyFileSync(npmBinary(`node-linux-${wanted}`, "bin/node"), binary, fs.constants.COPYFILE_FICLONE);
    for (const marker of [
      `${binary}.ok`,
      path.join(folder, `${name}.tar.gz`),
      path.join(folder, `${name}.tar.gz.ok`),
    ]) {
      fs.writeFileSync(marker, "");
    }
  }
  return home;
}

function nodeVersion() {
  return manifest.optionalDependencies[`node-linux-${os.arch()}`];
}

/** A file of a package that carries a binary: installed here, or unpacked from the registry for another architecture. */
function npmBinary(name, file) {
  const installed = path.join(root, "node_modules", name, file);
  if (fs.existsSync(installed)) return installed;
  const version = manifest.optionalDependencies[name];
  const folder = path.join(root, ".cache/npm", `${name.replaceAll("/", "+")}@${version}`);
  const unpacked = path.join(folder, "package", file);
  if (!fs.existsSync(unpacked)) {
    fs.mkdirSync(folder, { recursive: true });
    const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder, `${name}@${version}`], {
      encoding: "utf8",
    });
    const [{ filename, integrity }] = [Object.values(JSON.parse(packed))].flat();
    const expected = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")).packages[
      `node_modules/${name}`
    ]?.integrity;
    if (integrity !== expected)
      fail(`Cannot use ${name}@${version}: its integrity is ${integrity}, package-lock.json has ${expected}`);
    execFileSync("tar", ["-xzf", path.join(folder, filename), "-C", folder]);
  }
  return unpacked;
}

function freshImage(directory) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  return path.join(directory, names[0]);
}

/** One file, a hard link per name. */
function finish(directory, image) {
  fs.chmodSync(image, 0o755);
  for (const name of names.slice(1)) fs.linkSync(image, path.join(directory, name));
  const megabytes = (fs.statSync(image).size / 1e6).toFixed(0);
  console.log(`${path.relative(root, directory)}: ${names.join(" ")} (${megabytes} MB, one file)`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
