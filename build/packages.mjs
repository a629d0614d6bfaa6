// A package of npm's as one module of the native image, with those of its exports that our code names.
import * as esbuild from "esbuild";
import { root } from "./tree.mjs";

/** What packages ask Node.js for, and what they get. */
const BUILT_INS = { fs: "#fs", "graceful-fs": "#fs", path: "#path" };

/** Bundled as a CommonJS module. `members` are the names in use; "*" is all. */
export async function bundlePackage(name, members) {
  const list = [...new Set(members)].sort();
  const exported = list.includes("*") ? "*" : `{ ${list.join(", ")} }`;
  const { outputFiles } = await esbuild.build({
    stdin: { contents: `export ${exported} from ${JSON.stringify(name)};`, resolveDir: root },
    outfile: "package.js",
    write: false,
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
    plugins: [builtIns],
    logLevel: "warning",
  });
  const [map, code] = ["package.js.map", "package.js"].map(
    (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text,
  );
  return { name, code, map: JSON.parse(map) };
}

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
    // proper-lockfile asks for it to remove locks at the process's end: ours are removed by then.
    onResolve({ filter: /^signal-exit$/ }, () => ({ path: "signal-exit", namespace: "omitted" }));
    onLoad({ filter: /./, namespace: "omitted" }, () => ({ contents: "module.exports = () => () => {};" }));
  },
};
