// Compiled schemas. Each schema.ts is replaced by a module that has, beside each function, the parser compiled from the schema that it
// returns. zod and the original schema.ts are loaded only if such a parser refuses a value.
import { Buffer } from "node:buffer";
import fs from "node:fs";
import path from "node:path";
import * as esbuild from "esbuild";
import { root } from "./tree.mjs";

/** Suffix of a schema.ts path for the original module. */
export const AS_WRITTEN = "?as-written";

export function isSchema(file) {
  return path.basename(file) === "schema.ts";
}

/** The source of the module that replaces a schema.ts. */
export async function compileSchemas(file) {
  const scalars = path.join(root, "src/cni/scalars.ts");
  const { schemas, readers, compileSchema, UnsupportedSchemaError } = await importSource(
    [
      `export * as schemas from ${JSON.stringify(file)};`,
      `export * as readers from ${JSON.stringify(scalars)};`,
      `export { compileSchema, UnsupportedSchemaError } from "./src/cni/schema-compiler.ts";`,
    ].join("\n"),
  );
  const compiled = Object.entries(schemas).map(([name, make]) => {
    const load = `() => asWritten.${name}()`;
    try {
      return `export const ${name} = Object.assign(${load}, { accept: ${compileSchema(make(), readers)} });`;
    } catch (error) {
      if (!(error instanceof UnsupportedSchemaError)) throw error;
      return `export const ${name} = ${load};`;
    }
  });
  return [
    `import { ${Object.keys(readers).join(", ")} } from ${JSON.stringify(scalars)};`,
    `import * as asWritten from ${JSON.stringify(file + AS_WRITTEN)};`,
    ...compiled,
  ].join("\n");
}

/** An esbuild plugin that compiles schemas. */
export const compiledSchemas = {
  name: "compiled-schemas",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?as-written$/ }, ({ path: file }) => ({
      path: file.slice(0, -AS_WRITTEN.length),
      namespace: "as-written",
    }));
    onLoad({ filter: /./, namespace: "as-written" }, ({ path: file }) => ({
      contents: fs.readFileSync(file, "utf8"),
      loader: "ts",
      resolveDir: path.dirname(file),
    }));
    onLoad({ filter: /\/schema\.ts$/ }, async ({ path: file }) => ({
      contents: await compileSchemas(file),
      loader: "js",
      resolveDir: path.dirname(file),
    }));
  },
};

/** Runs a module of this tree here, with its imports, and returns its exports. */
export async function importSource(contents) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    logLevel: "warning",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
