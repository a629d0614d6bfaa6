// QuickJS-NG and zig, from PyPI with pip, pinned by native/requirements.txt. And the compiled engine, in .cache/native.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { changeEngine } from "./engine-changes.mjs";
import { root } from "./tree.mjs";

const run = promisify(execFile);

const native = path.join(root, "native");
const cache = path.join(root, ".cache/native");

/**
 * The engine's files, and the flags for all C code. The output is the same bytes on every machine, and contains nothing of the machine.
 */
export const ENGINE = ["quickjs", "libregexp", "libunicode", "dtoa"];
const FLAGS = [
  "-std=gnu11",
  "-D_GNU_SOURCE",
  "-g0",
  "-Wno-deprecated",
  "-fno-sanitize=undefined",
  "-fno-unwind-tables",
  "-fno-asynchronous-unwind-tables",
];

/** host.c gives the engine the time. */
const TIME = ["-Dgettimeofday=engine_gettimeofday", "-Dclock_gettime=engine_clock_gettime"];

/**
 * The image's engine has no parser: no text can become code in it. The tool that compiles bytecode has one, and may be slow. The
 * sanitized image is built with the system's gcc, because zig has no AddressSanitizer runtime. It uses malloc instead of the arena, so
 * that AddressSanitizer sees each block.
 */
const VARIANTS = {
  image: ["-O3", "-DQJS_DISABLE_PARSER", ...TIME],
  compiler: ["-O1"],
  sanitized: [
    "-O1",
    "-DQJS_DISABLE_PARSER",
    ...TIME,
    "-DPLAIN_MALLOC",
    "-g1",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-static-libasan",
  ],
};

/** The paths of the engine's source and zig. Downloads them with pip if they are missing. */
export function findToolchain() {
  const pins = fs.readFileSync(path.join(native, "requirements.txt"));
  const folder = path.join(cache, createHash("sha256").update(pins).digest("hex").slice(0, 16));
  if (!fs.existsSync(folder)) download(folder);
  const source = fs.readdirSync(folder).find((name) => name.startsWith("quickjs_ng-"));
  return { engine: path.join(folder, source, "upstream-quickjs"), zig: path.join(folder, "ziglang/zig"), folder };
}

function download(folder) {
  console.log("> pip download: the engine's source and the compiler, 102 MB");
  const fresh = `${folder}.${process.pid}`;
  fs.mkdirSync(fresh, { recursive: true });
  try {
    // With setuptools/ in place of the real one, pip runs no code of the archive.
    const options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"];
    const pins = ["--require-hashes", "--requirement", path.join(native, "requirements.txt"), "--dest", fresh];
    pip(["download", ...options, ...pins]);
    for (const file of fs.readdirSync(fresh)) {
      const archive = path.join(fresh, file);
      unpack(archive, fresh);
      fs.rmSync(archive);
    }
    fs.chmodSync(path.join(fresh, "ziglang/zig"), 0o755);
    moveInto(fresh, folder);
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
}

function pip(args) {
  const env = { ...process.env, PYTHONPATH: native, PYTHONDONTWRITEBYTECODE: "1" };
  try {
    execFileSync("python3", ["-m", "pip", ...args], { stdio: ["ignore", "inherit", "inherit"], env });
  } catch (cause) {
    throw new Error(
      "Cannot download the engine and the compiler: see above; python3 with pip is needed, and a way to PyPI",
      {
        cause,
      },
    );
  }
}

function unpack(archive, folder) {
  const [command, ...args] = archive.endsWith(".tar.gz")
    ? ["tar", "-xzf", archive, "-C", folder]
    : ["python3", "-m", "zipfile", "-e", archive, folder];
  try {
    execFileSync(command, args, { stdio: ["ignore", "inherit", "pipe"], encoding: "utf8" });
  } catch (cause) {
    const reason = cause.stderr?.trim().split("\n").at(-1) || cause.message;
    throw new Error(`Cannot unpack ${path.basename(archive)} into ${folder}: ${reason}`, { cause });
  }
}

/** Renames a folder. If another build has made the target meanwhile, that one stays: both are the same. */
function moveInto(fresh, folder) {
  try {
    fs.renameSync(fresh, folder);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  }
}

/** Compiles the engine, if that was not done before. Returns the objects of a variant for a zig target. */
async function compileEngine(variant, target) {
  const { engine, folder } = findToolchain();
  const flags = flagsOf(variant, target);
  const changed = changeEngine(fs.readFileSync(path.join(engine, "quickjs.c"), "utf8"));
  const key = createHash("sha256").update(flags.join(" ")).update(changed).digest("hex").slice(0, 16);
  const objects = path.join(folder, `${variant}-${key}`);
  if (fs.existsSync(objects)) return filesIn(objects);
  console.log(
    `> ${variant === "sanitized" ? "gcc" : "zig cc"}: the engine (${variant}) for ${target}, once, about a minute`,
  );
  const fresh = `${objects}.${process.pid}`;
  fs.mkdirSync(fresh, { recursive: true });
  const source = path.join(fresh, "quickjs.c");
  try {
    fs.writeFileSync(source, changed);
    await Promise.all(
      ENGINE.map((name) => {
        const file = name === "quickjs" ? source : path.join(engine, `${name}.c`);
        return compileC(variant, [...flags, "-I", engine, "-c", file, "-o", path.join(fresh, `${name}.o`)]);
      }),
    );
    fs.rmSync(source);
    moveInto(fresh, objects);
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
  return filesIn(objects);
}

/** The tool that compiles scripts to bytecode (native/compile.c). */
export async function findCompiler() {
  const source = fs.readFileSync(path.join(native, "compile.c"));
  const name = `compile-${createHash("sha256").update(source).update(FLAGS.join(" ")).digest("hex").slice(0, 16)}`;
  const compiler = path.join(findToolchain().folder, name);
  if (fs.existsSync(compiler)) return compiler;
  const fresh = `${compiler}.${process.pid}`;
  await link(fresh, { variant: "compiler", target: targetOf(), sources: ["compile.c"] });
  fs.renameSync(fresh, compiler);
  return compiler;
}

/** Links a program from the engine, C files of native/ and objects. */
export async function link(output, { variant, target, sources, objects = [], flags = [] }) {
  const { engine } = findToolchain();
  const files = [
    ...sources.map((name) => path.join(native, name)),
    ...objects,
    ...(await compileEngine(variant, target)),
  ];
  const linked = variant === "sanitized" ? ["-no-pie", "-static-libubsan"] : ["-static", "-s"];
  const own = flagsOf(variant, target).filter((flag) => !TIME.includes(flag));
  const options = [...own, ...linked, "-I", engine, ...flags];
  await compileC(variant, [...options, ...files, "-o", output]);
}

function flagsOf(variant, target) {
  const flags = [...FLAGS, ...VARIANTS[variant]];
  return variant === "sanitized" ? flags : [...flags, "-target", target];
}

/** Runs a variant's C compiler. */
async function compileC(variant, args) {
  if (variant === "sanitized") await run("gcc", args);
  else await runZig(["cc", ...args]);
}

/** Compiles a Zig file of native/. */
export async function compileZig(name, { target, output }) {
  const file = path.join(native, `${name}.zig`);
  await runZig(["build-obj", file, "-target", target, "-O", "ReleaseSmall", "-fstrip", `-femit-bin=${output}`]);
}

/** zig's target name for this machine or another, with the C library to link statically. */
export function targetOf(arch = os.arch(), library = "musl") {
  return `${arch === "arm64" ? "aarch64" : "x86_64"}-linux-${library}`;
}

/**
 * Runs zig, which writes nothing outside the repository. It keeps the C library that it compiles, but not what it links: that would be
 * some megabytes more for each build.
 */
async function runZig(args) {
  fs.mkdirSync(cache, { recursive: true });
  const scratch = fs.mkdtempSync(path.join(cache, "zig-"));
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: path.join(cache, "zig"), ZIG_LOCAL_CACHE_DIR: scratch };
  try {
    await run(findToolchain().zig, args, { env, cwd: native });
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

function filesIn(folder) {
  return fs
    .readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));
}
