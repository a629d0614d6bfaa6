// The Node.js image: one script in the executable of the pinned Node, built with pkg.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { exec } from "@yao-pkg/pkg";
import * as esbuild from "esbuild";
import { withoutSignalExit } from "./packages.mjs";
import { compiledSchemas } from "./schemas.mjs";
import { definitions, imageTable, manifest, root } from "./tree.mjs";

const cache = path.join(root, ".cache");

export async function buildNode(output, { arch }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "node-image-"));
  const home = process.env.HOME;
  try {
    const script = path.join(folder, "image.cjs");
    await bundle(script);
    // pkg looks for Node.js executables below HOME.
    process.env.HOME = stockPkgCache(arch);
    await exec({ input: script, sea: true, targets: [`node${nodeVersion()}-linux-${arch}`], output });
  } finally {
    process.env.HOME = home;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(outfile) {
  await esbuild.build({
    entryPoints: [path.join(root, "src/image/node.ts")],
    absWorkingDir: root,
    preserveSymlinks: true,
    outfile,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "esnext",
    // jsonc-parser's main file finds its parts only when it runs.
    mainFields: ["module", "main"],
    plugins: [table, compiledSchemas, withoutSignalExit],
    define: definitions(`Node.js ${nodeVersion()}`),
    logLevel: "warning",
  });
}

const table = {
  name: "image-table",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#image$/ }, () => ({ path: "image-table", namespace: "image-table" }));
    onLoad({ filter: /./, namespace: "image-table" }, () => ({
      contents: imageTable(),
      resolveDir: path.join(root, "src/image"),
    }));
  },
};

/** Puts Node.js executables where pkg keeps its downloads, so that it downloads nothing. Returns the HOME to run pkg with. */
function stockPkgCache(arch) {
  const home = path.join(cache, "pkg");
  for (const wanted of new Set([arch, os.arch()])) {
    const name = `node-v${nodeVersion()}-linux-${wanted}`;
    const folder = path.join(home, ".pkg-cache/sea");
    const binary = path.join(folder, name, "bin/node");
    fs.mkdirSync(path.dirname(binary), { recursive: true });
    fs.rmSync(binary, { force: true });
    fs.copyFileSync(findNode(wanted), binary, fs.constants.COPYFILE_FICLONE);
    const archive = path.join(folder, `${name}.tar.gz`);
    for (const marker of [`${binary}.ok`, archive, `${archive}.ok`]) fs.writeFileSync(marker, "");
  }
  return home;
}

function nodeVersion() {
  return manifest.optionalDependencies[`node-linux-${os.arch()}`];
}

/** Node.js for an architecture: from the installed package, or unpacked from the registry for another architecture. */
function findNode(arch) {
  const name = `node-linux-${arch}`;
  const installed = path.join(root, "node_modules", name, "bin/node");
  if (fs.existsSync(installed)) return installed;
  const version = manifest.optionalDependencies[name];
  const folder = path.join(cache, "npm", `${name}@${version}`);
  const unpacked = path.join(folder, "package/bin/node");
  if (!fs.existsSync(unpacked)) {
    fs.mkdirSync(folder, { recursive: true });
    const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder, `${name}@${version}`], {
      encoding: "utf8",
    });
    const [{ filename, integrity }] = [Object.values(JSON.parse(packed))].flat();
    const lock = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8"));
    const expected = lock.packages[`node_modules/${name}`]?.integrity;
    if (integrity !== expected)
      throw new Error(
        `Cannot use ${name}@${version}: its integrity is ${integrity}, package-lock.json has ${expected}`,
      );
    execFileSync("tar", ["-xzf", path.join(folder, filename), "-C", folder]);
  }
  return unpacked;
}
