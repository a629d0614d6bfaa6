// The native image: modules as bytecode, in one static executable with the engine and native/host.c.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { collectModules } from "./modules.mjs";
import { importSource } from "./schemas.mjs";
import { compileZig, findCompiler, link, targetOf } from "./toolchain.mjs";

/** What the engine lacks; it is run first. */
const GLOBALS = "src/platform/globals-native.ts";

/** Makes the executable. `entry` exports start(), and `load` gives sources, where a test wants others than the product's. */
export async function buildNative(output, { arch = os.arch(), entry = "src/image/main.ts", load, flags = [] } = {}) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "native-image-"));
  try {
    const modules = await collectModules([entry, GLOBALS], load);
    const bytecode = await compileModules(modules, work);
    fs.writeFileSync(path.join(work, "functions.inc"), await functionTable());
    const target = targetOf(arch);
    const digest = path.join(work, "digest.o");
    await compileZig("digest", { target, output: digest });
    const numberOf = (wanted) => modules.findIndex(({ name }) => name === wanted);
    await link(output, {
      variant: "image",
      target,
      sources: ["host.c", "aside.c"],
      objects: [digest],
      flags: [
        `-DENTRY=${numberOf(entry)}`,
        `-DGLOBALS=${numberOf(GLOBALS)}`,
        `-DBYTECODE="${bytecode}"`,
        "-I",
        work,
        ...flags,
      ],
    });
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Bytecode of all modules in one file, whose path is returned, and the table for host.c beside it. */
export async function compileModules(modules, work, options = {}) {
  const compiler = await findCompiler();
  const scripts = modules.flatMap(({ name, code }, number) => {
    const file = path.join(work, `${number}.js`);
    fs.writeFileSync(file, code);
    return [name, file];
  });
  execFileSync(compiler, [path.join(work, "modules"), ...scripts], {
    stdio: ["ignore", "inherit", "inherit"],
    ...options,
  });
  return path.join(work, "modules.bin");
}

/** Rows for host.c's table of C functions: every function of every table in src/linux/libc.ts, with the types that stand there. */
async function functionTable() {
  const tables = await importSource(`export * from "./src/linux/libc.ts";`);
  const functions = Object.values(tables)
    .filter((table) => typeof table === "object")
    .flatMap((table) => Object.entries(table));
  const rows = functions.map(([name, types]) => {
    const values = types.map((type, i) => `${type.toUpperCase()}(${i})`);
    return `FUNCTION(${[name, ...values].join(", ")})\n`;
  });
  return rows.join("");
}
