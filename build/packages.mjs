// An npm package as one module of the native image, with the exports that our code uses.
import * as esbuild from "esbuild";
import { root } from "./tree.mjs";

/** Node.js modules that packages import, and their replacements. */
const BUILT_INS = { fs: "#fs", "graceful-fs": "#fs", path: "#path" };

/** Bundles a package as a CommonJS module. `members` are the used names; "*" means all. `files` are those that are in it. */
export async function bundlePackage(name, members) {
  const list = [...new Set(members)].sort();
  const exported = list.includes("*") ? "*" : `{ ${list.join(", ")} }`;
  const { outputFiles, metafile } = await esbuild.build({
    stdin: { contents: `export ${exported} from ${JSON.stringify(name)};`, resolveDir: root },
    outfile: "package.js",
    // The names of a package's files become part of its code: they must not depend on where the tree is, and from where it is built.
    absWorkingDir: root,
    preserveSymlinks: true,
    write: false,
    metafile: true,
    bundle: true,
    format: "cjs",
    platform: "neutral",
    target: "esnext",
    mainFields: ["module", "main"],
    define: { global: "globalThis" },
    charset: "utf8",
    legalComments: "none",
    sourcemap: "external",
    sourcesContent: false,
    plugins: [builtIns, withoutSignalExit],
    logLevel: "warning",
  });
  const [map, code] = ["package.js.map", "package.js"].map(
    (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text,
  );
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const files = inputs.filter(([file, { bytesInOutput }]) => bytesInOutput > 0 && file.includes("node_modules/"));
  return { name, code, map: JSON.parse(map), files: files.map(([file]) => file).sort() };
}

/**
 * proper-lockfile imports signal-exit to remove locks at process exit. Our locks are removed by then, and its signal handlers would keep a
 * process alive that waits without an event loop.
 */
export const withoutSignalExit = {
  name: "without-signal-exit",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^signal-exit$/ }, () => ({ path: "signal-exit", namespace: "omitted" }));
    onLoad({ filter: /./, namespace: "omitted" }, () => ({ contents: "module.exports = () => () => {};" }));
  },
};

const builtIns = {
  name: "built-ins",
  setup({ onResolve, onLoad }) {
    const bare = (specifier) => specifier.replace(/^node:/, "");
    onResolve({ filter: /^(node:)?(fs|graceful-fs|path)$/ }, ({ path: specifier }) => ({
      path: BUILT_INS[bare(specifier)],
      namespace: "built-in",
    }));
    onResolve({ filter: /^#/, namespace: "built-in" }, ({ path: specifier }) => ({ path: specifier, external: true }));
    onLoad({ filter: /./, namespace: "built-in" }, ({ path: specifier }) => ({
      contents: `module.exports = require(${JSON.stringify(specifier)}).default;`,
    }));
  },
};
