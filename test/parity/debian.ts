import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** The suites that hold an archive's newest packages, newest last, and the archive's keys. */
const NEWEST_SUITES: Readonly<Record<string, readonly string[]>> = { Debian: ["forky", "sid"], Ubuntu: ["devel"] };
const KEYRING = "/usr/share/keyrings";

/**
 * The newest packages of the distribution this machine runs, from the mirror its own apt uses, apart from its package lists and its
 * installed packages: nothing gets installed. Call `dispose` in the end.
 */
export class NewestPackages {
  readonly #dir = fs.mkdtempSync(path.join(os.tmpdir(), "newest-packages-"));
  readonly #options: readonly string[];

  /** @throws Error where the machine has no apt, or its sources name no Debian or Ubuntu archive. */
  constructor() {
    const { origin, mirror } = ownArchive();
    for (const folder of ["sources", "lists/partial", "cache/archives/partial"])
      fs.mkdirSync(path.join(this.#dir, folder), { recursive: true });
    const source = [
      `Types: deb`,
      `URIs: ${mirror}`,
      `Suites: ${(NEWEST_SUITES[origin] ?? []).join(" ")}`,
      `Components: main${origin === "Ubuntu" ? " universe" : ""}`,
      `Signed-By: ${KEYRING}/${origin.toLowerCase()}-archive-keyring.gpg`,
    ];
    fs.writeFileSync(path.join(this.#dir, "sources/newest.sources"), `${source.join("\n")}\n`);
    this.#options = [
      "Dir::Etc::SourceList=/dev/null",
      `Dir::Etc::SourceParts=${this.#dir}/sources`,
      `Dir::State::Lists=${this.#dir}/lists`,
      "Dir::State::status=/dev/null",
      `Dir::Cache=${this.#dir}/cache`,
      "APT::Sandbox::User=root",
    ].flatMap((option) => ["-o", option]);
    this.#apt("apt-get", ["update"]);
  }

  /** Packages that a package depends on. */
  dependencies(name: string): string[] {
    const text = this.#apt("apt-cache", ["depends", "--important", name]);
    return [...text.matchAll(/Depends: (\S+)/g)].map((match) => match[1] ?? "");
  }

  /** Unpacks a package's newest version below a folder; returns that version. */
  unpack(name: string, folder: string): string {
    this.#apt("apt-get", ["download", name]);
    const file = fs.readdirSync(this.#dir).find((entry) => entry.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`apt-get download ${name} left no file`);
    const full = path.join(this.#dir, file);
    execFileSync("dpkg-deb", ["--extract", full, folder]);
    return execFileSync("dpkg-deb", ["--field", full, "Version"], { encoding: "utf8" }).trim();
  }

  dispose(): void {
    fs.rmSync(this.#dir, { recursive: true, force: true });
  }

  #apt(command: string, args: readonly string[]): string {
    const child = spawnSync(command, [...this.#options, ...args], { cwd: this.#dir, encoding: "utf8" });
    if (child.error !== undefined) throw child.error;
    if (child.status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${child.stderr.trim()}`);
    return child.stdout;
  }
}

/** Which distribution's archive this machine installs from, and the mirror it uses. @throws Error where apt's sources name none */
export function ownArchive(): { origin: string; mirror: string } {
  const format = ["--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"];
  const child = spawnSync("apt-get", ["indextargets", ...format], { encoding: "utf8" });
  if (child.error !== undefined) throw child.error;
  for (const line of child.stdout.split("\n")) {
    const [origin = "", label, mirror = ""] = line.split("|");
    if (origin in NEWEST_SUITES && label === origin) return { origin, mirror };
  }
  throw new Error(`apt's sources name no ${Object.keys(NEWEST_SUITES).join(" or ")} archive (after apt-get update)`);
}
