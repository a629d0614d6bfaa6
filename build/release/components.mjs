// What others have made and is in the image: npm packages, the engine, the C library, and the compiler's runtime. All is read from what is
// built, none of it is a list kept by hand.
import fs from "node:fs";
import path from "node:path";
import { collectModules } from "../modules.mjs";
import { ENTRIES } from "../native-image.mjs";
import { ENGINE, findToolchain } from "../toolchain.mjs";
import { root } from "../tree.mjs";

const LICENCE = /^(licen[cs]e|copying|notice)(\.\w+)?$/i;

/** Each component of the image, by name: `{ name, version, license, purl, hash, description, texts }`, with the texts of its licence. */
export async function findComponents() {
  const modules = await collectModules(ENTRIES);
  const packages = new Set(modules.flatMap(({ files = [] }) => files.map(packageOf)));
  const components = [...[...packages].sort().map(describePackage), ...describeToolchain()];
  for (const { name, texts } of components)
    if (texts.length === 0) throw new Error(`Cannot find a licence of ${name}, which is in the image`);
  return components;
}

/** "node_modules/retry" of "node_modules/retry/lib/retry.js". */
function packageOf(file) {
  const [, folder] = /(?:^|\/)(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
  if (folder === undefined) throw new Error(`Cannot tell which package ${file} is part of`);
  return folder;
}

function describePackage(folder) {
  const { name, version, license, description } = JSON.parse(read(path.join(root, folder, "package.json")));
  const { integrity } = JSON.parse(read(path.join(root, "package-lock.json"))).packages[folder];
  const files = fs.readdirSync(path.join(root, folder)).filter((file) => LICENCE.test(file));
  const texts = files.sort().map((file) => read(path.join(root, folder, file)));
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { name, version, license, purl, description, hash: hashOf(integrity), texts };
}

function hashOf(integrity) {
  const [, digest] = /^sha512-(\S+)$/.exec(integrity);
  return { alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") };
}

function describeToolchain() {
  const { engine, zig } = findToolchain();
  const library = path.join(path.dirname(zig), "lib");
  const musl = path.join(library, "libc/musl");
  const engineVersion = versionOf("quickjs-ng").split(".").slice(0, 3).join(".");
  return [
    {
      ...{ name: "quickjs-ng", version: engineVersion, license: "MIT", description: "The JavaScript engine" },
      purl: `pkg:github/quickjs-ng/quickjs@v${engineVersion}`,
      texts: headsOf(ENGINE.map((name) => path.join(engine, `${name}.c`))),
    },
    {
      ...{
        name: "musl",
        version: muslVersion(musl),
        license: "MIT",
        description: "The C library, as it comes with zig",
      },
      purl: `pkg:generic/musl@${muslVersion(musl)}`,
      texts: [read(path.join(musl, "COPYRIGHT"))],
    },
    {
      ...{ name: "zig", version: versionOf("ziglang"), license: "MIT" },
      description: "The compiler. Its runtime (compiler-rt) and SHA-2 of its standard library are in the image",
      purl: `pkg:pypi/ziglang@${versionOf("ziglang")}`,
      texts: [read(path.join(path.dirname(zig), "LICENSE"))],
    },
  ];
}

/** The version of a package of native/requirements.txt. */
function versionOf(name) {
  return new RegExp(`^${name}==(\\S+)`, "m").exec(read(path.join(root, "native/requirements.txt")))[1];
}

function muslVersion(folder) {
  return /"(.*)"/.exec(read(path.join(folder, "src/internal/version.h")))[1];
}

/** The comments at the beginning of source files: copyright and licence. Equal ones once. */
function headsOf(files) {
  const heads = files.map((file) => /^\/\*[\s\S]*?\*\//.exec(read(file))?.[0] ?? "");
  const texts = heads.map((head) => head.replaceAll(/^(\/\*| ?\*\/| \* ?)/gm, "").trim());
  if (!texts.every((text) => text.includes("Copyright"))) throw new Error("Cannot find the engine's copyright");
  return [...new Set(texts)];
}

function read(file) {
  return fs.readFileSync(file, "utf8");
}
