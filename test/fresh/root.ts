import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ownArchive } from "../parity/debian.ts";

/** Where roots, what they download, and logs are kept. `rm -r .cache/fresh` forgets them. */
export const cache = path.join(import.meta.dirname, "../../.cache/fresh");

/** Variables by which this machine reaches its registries. */
const OF_REGISTRIES =
  /^((https?|all|no)_proxy|(node_extra|ssl|curl|requests|pip|git_ssl)_(ca.*|cert.*)|go(proxy|sumdb|nosumdb))$/i;

/** Settings of apt's by which this machine reaches its mirror, and how old the mirror's lists may be. */
const OF_APT = ["http", "https", "Check-Valid-Until", "Check-Date"].map((name) => `Acquire::${name}`);

const AUTHORITIES = "usr/local/share/ca-certificates";

/** The environment of a command in a root: nothing of this machine's but the way to its registries. */
export function environmentInRoot(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => OF_REGISTRIES.test(name));
  const own = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" };
  return { ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""])), ...own };
}

/**
 * A root of one suite of Debian's with that suite's own nodejs and npm, and git: made on first use, with this machine's mirror and
 * settings of apt, npm and pip. Returns its path.
 */
export function ensureRoot(suite: string): string {
  const root = path.join(cache, suite);
  if (fs.existsSync(root)) return root;
  console.log(`Making ${root} (some minutes)`);
  const unfinished = `${root}.unfinished`;
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(cache, { recursive: true });
  const { origin, mirror } = ownArchive();
  if (origin !== "Debian") throw new Error(`Cannot make roots of Debian on ${origin}`);
  if (spawnSync("debootstrap", ["--version"]).error !== undefined)
    must(["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"]);
  must(["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, unfinished, mirror]);
  copySettings(unfinished);
  const install = "apt-get update && apt-get install -y --no-install-recommends nodejs npm git && apt-get clean";
  const script = `update-ca-certificates && DEBIAN_FRONTEND=noninteractive && export DEBIAN_FRONTEND && ${install}`;
  must(["chroot", unfinished, "sh", "-ec", script], environmentInRoot());
  fs.renameSync(unfinished, root);
  return root;
}

/** What this machine was told about registries: proxies of apt, configuration of npm and pip, certificate authorities. */
function copySettings(root: string): void {
  const apt = must(["apt-config", "dump", ...OF_APT]);
  fs.writeFileSync(path.join(root, "etc/apt/apt.conf.d/90machine"), apt);
  const npm = [...npmFiles(), path.join(os.homedir(), ".npmrc")].filter((file) => fs.existsSync(file));
  fs.writeFileSync(path.join(root, "root/.npmrc"), npm.map((file) => fs.readFileSync(file, "utf8")).join("\n"));
  for (const file of ["etc/pip.conf", AUTHORITIES])
    if (fs.existsSync(`/${file}`)) fs.cpSync(`/${file}`, path.join(root, file), { recursive: true });
}

/** npm's configuration for the whole machine. */
function npmFiles(): string[] {
  const { stdout } = spawnSync("npm", ["config", "get", "globalconfig"], { encoding: "utf8" });
  return stdout === null ? [] : [stdout.trim()];
}

function must([file = "", ...args]: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const child = spawnSync(file, args, { env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (child.error !== undefined) throw child.error;
  if (child.status !== 0) throw new Error(`${file} ${args.join(" ")} failed: ${child.stdout}${child.stderr}`);
  return child.stdout;
}
