import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { NewestPackages } from "./debian.ts";

/** Has something built by Go: the machine's, or else the distribution's newest, which is unpacked for that long. @throws Error that says what was tried */
export function withGo(purpose: string, build: (go: string) => void): void {
  firstThatWorks(purpose, {
    "this machine's Go": () => build("go"),
    "the distribution's newest Go": () => withUnpackedGo(build),
  });
}

/** Does a thing in the first of several ways that works. @throws Error that says for each why it does not */
export function firstThatWorks(purpose: string, ways: Readonly<Record<string, () => void>>): void {
  const failures: string[] = [];
  for (const [way, attempt] of Object.entries(ways)) {
    try {
      attempt();
      return;
    } catch (error) {
      failures.push(`  ${way}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const help = "Install Go, or set CNI_REFERENCE_DIR to a folder that has all of them";
  throw new Error([`${purpose}:`, ...failures, help].join("\n"));
}

/** A compiler of one folder needs no installation. */
function withUnpackedGo(build: (go: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "newest-go-"));
  const newest = new NewestPackages();
  try {
    const compiler = newest.dependencies("golang-go").find((name) => /^golang-[\d.]+-go$/.test(name));
    if (compiler === undefined) throw new Error("golang-go depends on no golang-N-go");
    newest.unpack(compiler.replace(/-go$/, "-src"), folder);
    newest.unpack(compiler, folder);
    build(path.join(folder, "usr/lib", compiler.replace(/^golang-(.*)-go$/, "go-$1"), "bin/go"));
  } finally {
    newest.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
