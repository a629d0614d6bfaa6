// The native image: modules as bytecode, in one static executable with the engine and native/host.c.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { collectModules } from "./modules.mjs";
import { importSource } from "./schemas.mjs";
import { compileZig, findCompiler, link, targetOf } from "./toolchain.mjs";

/** Bytes of heap before the needed size is known, and the heap size of an image without a snapshot. */
const LARGEST_HEAP = 32 << 20;
const PIECE = 1 << 16;

/** Emulators of other processors, by Debian's names. */
const QEMU = ["qemu-ARCH-static", "qemu-ARCH"];

/** Length in bytes of the mark at the start of host.c's `image`. */
const MARK = 16;

/** Globals that the engine lacks. This module runs first. */
const GLOBALS = "src/platform/globals-native.ts";

/** What the product's image starts with: every module of it is imported by one of these. */
export const ENTRIES = ["src/image/main.ts", GLOBALS];

/**
 * Builds the executable. `entry` exports start(). `load` returns sources; tests use it to change them. `preloaded` says of a module's
 * name whether a process begins with it. If the executable cannot run here, each process loads what it needs. `sanitize` is a folder:
 * the executable is then built with gcc, for this machine, and writes its memory errors there. With `mustRun` it is an error if the
 * executable cannot run here.
 */
export async function buildNative(
  output,
  { arch = os.arch(), entry = ENTRIES[0], load, preloaded = isPreloaded, flags = [], sanitize, mustRun = false } = {},
) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "native-image-"));
  try {
    const target = targetOf(arch, sanitize ? "gnu" : "musl");
    const digest = path.join(work, "digest.o");
    await compileZig("digest", { target, output: digest });
    fs.writeFileSync(path.join(work, "functions.inc"), await functionTable());
    const modules = await collectModules([entry, GLOBALS], load);
    const build = (chosen, size) =>
      compileModules(modules, { work, preloaded: chosen }).then(({ bytecode, embedded }) => {
        const numberOf = (wanted) => modules.findIndex(({ name }) => name === wanted);
        const numbers = [`-DENTRY=${numberOf(entry)}`, `-DGLOBALS=${numberOf(GLOBALS)}`, `-DHEAP_SIZE=${size}`];
        const code = [`-DBYTECODE="${bytecode}"`, `-DBYTECODE_SIZE="${embedded}"`, "-I", work];
        return link(output, {
          variant: sanitize ? "sanitized" : "image",
          target,
          sources: ["host.c", "aside.c", ...(sanitize ? ["sanitizers.c"] : [])],
          objects: [digest],
          flags: [...numbers, ...code, ...(sanitize ? [`-DREPORTS="${sanitize}"`] : []), ...flags],
        });
      });
    const runner = sanitize ? undefined : findRunner(arch);
    if (runner !== undefined) await preload(output, { work, build: (size) => build(preloaded, size), runner });
    else if (mustRun) requireRunner(arch);
    else await build(() => false, PIECE);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Whether a process begins with the module loaded: all of the plugins. Those of cnictl and most packages are loaded when they are used. */
export function isPreloaded(name) {
  return /^(plugins|ip-num)\/|^src\/(?!cnictl\/)/.test(name);
}

/**
 * Runs the executable with the command `runner`, so that it loads its modules, and puts the resulting heap into it. The heap gets exactly
 * the size that it needs.
 */
async function preload(output, { work, build, runner }) {
  const snapshot = path.join(work, "snapshot");
  const [command, ...args] = [...runner, output, "--snapshot", snapshot, path.join(work, "modules.bin")];
  const take = async (size) => {
    await build(size);
    execFileSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
    return fs.statSync(snapshot).size;
  };
  await take(await take(LARGEST_HEAP));
  const image = fs.readFileSync(output);
  const bytes = fs.readFileSync(snapshot);
  bytes.copy(image, image.indexOf(bytes.subarray(0, MARK)));
  fs.writeFileSync(output, image);
}

/** @throws Error if executables for the architecture cannot run here */
export function requireRunner(arch) {
  if (findRunner(arch) === undefined)
    throw new Error(`Cannot run executables for ${arch} here: install qemu-user-static`);
}

/** The command that runs executables for an architecture here: none for this one, or qemu; undefined if qemu is missing. */
function findRunner(arch) {
  if (arch === os.arch()) return [];
  const names = QEMU.map((name) => name.replace("ARCH", arch === "arm64" ? "aarch64" : "x86_64"));
  const found = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  return found === undefined ? undefined : [found];
}

/** Bytecode of all modules in one file, and their table for host.c. Preloaded modules come last; `embedded` is the size of the others. */
async function compileModules(modules, { work, preloaded, env = process.env }) {
  const compiler = await findCompiler();
  const isChosen = ({ name }) => preloaded(name);
  const ordered = [...modules.filter((module) => !isChosen(module)), ...modules.filter(isChosen)];
  const scripts = ordered.flatMap(({ name, code }, number) => {
    const file = path.join(work, `${number}.js`);
    fs.writeFileSync(file, code);
    return [name, file];
  });
  execFileSync(compiler, [path.join(work, "modules"), ...scripts], { stdio: ["ignore", "inherit", "inherit"], env });
  const table = fs.readFileSync(path.join(work, "modules.txt"), "utf8").trim().split("\n");
  const places = new Map(table.map((line) => [line.split(" ")[0], line.split(" ").slice(1)]));
  const rows = modules.map(
    (each) => `{ ${[JSON.stringify(each.name), ...places.get(each.name), isChosen(each)].join(", ")} },\n`,
  );
  fs.writeFileSync(path.join(work, "modules.inc"), rows.join(""));
  const bytecode = path.join(work, "modules.bin");
  const first = ordered.find(isChosen);
  return { bytecode, embedded: first === undefined ? fs.statSync(bytecode).size : places.get(first.name)[0] };
}

/** Rows for host.c's table of C functions: every function of every table in src/platform/libc.ts, with its types there. */
async function functionTable() {
  const tables = await importSource(`export * from "./src/platform/libc.ts";`);
  const functions = Object.values(tables)
    .filter((table) => typeof table === "object")
    .flatMap((table) => Object.entries(table));
  const rows = functions.map(([name, types]) => {
    const values = types.map((type, i) => `${type.toUpperCase()}(${i})`);
    return `FUNCTION(${[name, ...values].join(", ")})\n`;
  });
  return rows.join("");
}
