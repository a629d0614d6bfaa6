import fs from "node:fs";
import path from "node:path";
import { binDir, type Lab } from "../lab.ts";

/** prctl(2) with PR_SET_MDWE and PR_MDWE_REFUSE_EXEC_GAIN: memory never becomes code. <linux/prctl.h> */
const MDWE = `
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit("Cannot set PR_SET_MDWE")
os.execv(sys.argv[1], sys.argv[1:])
`;

/** What stands in front of an executable, and so decides what it runs in. */
export type Surroundings = (lab: Lab) => readonly string[];

/** Limits of setrlimit(2) and prctl(2). */
export const LIMITS: Readonly<Record<string, Surroundings>> = {
  PR_SET_MDWE: () => ["python3", "-c", MDWE],
  "64 MB of address space": () => ["prlimit", `--as=${64 << 20}`],
  "16 descriptors": () => ["prlimit", "--nofile=16"],
  "a stack of 256 KB": () => ["prlimit", `--stack=${256 << 10}`],
  "a stack of 64 KB": () => ["prlimit", `--stack=${64 << 10}`],
  "files of 0 bytes": () => ["prlimit", "--fsize=0"],
  "files of 64 KB": () => ["prlimit", `--fsize=${64 << 10}`],
  "CAP_NET_ADMIN and CAP_SYS_ADMIN alone": () => ["setpriv", "--bounding-set=-all,+net_admin,+sys_admin", "--"],
};

/** File systems that are not there, or that take nothing. */
export const FILE_SYSTEMS: Readonly<Record<string, Surroundings>> = {
  "no /proc": () => mounted("mount -t tmpfs none /proc"),
  "no /sys": () => mounted("mount -t tmpfs none /sys"),
  "no /dev": () => mounted("mount -t tmpfs none /dev"),
  // The executables may be in /tmp too, where the repository is.
  "a read-only /tmp with nothing but the leases": ({ dir }) =>
    mounted(
      `exec 3<${dir} 4<${binDir}; mount -t tmpfs none /tmp; mkdir -p ${dir} ${binDir}`,
      `mount --no-canonicalize --bind /proc/self/fd/3 ${dir}; mount --no-canonicalize --bind /proc/self/fd/4 ${binDir}`,
      "mount -o remount,ro /tmp; exec 3<&- 4<&-",
    ),
  "a read-only root": ({ dir }) => mounted(`mount --bind ${dir} ${dir}; mount -o remount,bind,ro /`),
  "no folder that can be written": ({ dir }) => mounted(`mount --bind ${dir} ${dir}; mount -o remount,bind,ro ${dir}`),
};

/** Streams that are closed or broken. A pipe loses its reader before the executable starts. */
export const STREAMS: Readonly<Record<string, Surroundings>> = {
  "standard input closed": () => shell('exec "$@" <&-'),
  "standard output closed": () => shell('exec "$@" >&-'),
  "standard error closed": () => shell('exec "$@" 2>&-'),
  "all three closed": () => shell('exec "$@" <&- >&- 2>&-'),
  "standard output at /dev/full": () => shell('exec "$@" >/dev/full'),
  "standard output at a pipe that nobody reads": ({ dir }) => shell(`${brokenPipe(dir)}; exec "$@" 1>&3 3>&-`),
  "standard error at a pipe that nobody reads": ({ dir }) => shell(`${brokenPipe(dir)}; exec "$@" 2>&3 3>&-`),
};

/** Working directories that are gone, are closed to the process, or hold what a runtime might read. */
export const DIRECTORIES: Readonly<Record<string, Surroundings>> = {
  "a deleted working directory": ({ dir }) => shell(`mkdir ${dir}/gone; cd ${dir}/gone; rmdir ${dir}/gone; exec "$@"`),
  "a working directory that cannot be read": ({ dir }) =>
    shell(
      `mkdir -p ${dir}/closed; cd ${dir}/closed; chmod 0 .; exec setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"`,
    ),
  "a hostile working directory": ({ dir }) => {
    const folder = path.join(dir, "hostile");
    for (const [name, text] of Object.entries(HOSTILE)) {
      const file = path.join(folder, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text, { mode: 0o755 });
    }
    return shell(`cd ${folder}; exec "$@"`);
  },
};

const THROWS = "throw new Error('read from the working directory');";
const HOSTILE = {
  "package.json": '{"type":"module","main":"./index.js","imports":{"#fs":"./index.js"}}',
  "index.js": THROWS,
  "node_modules/zod/index.js": THROWS,
  ".env": "CNI_COMMAND=DEL\nCNI_IFNAME=wrong\nNODE_OPTIONS=--require=./index.js\n",
  "bunfig.toml": 'preload = ["./index.js"]\n',
  ".noderc": THROWS,
  "node.config.json": '{"nodeOptions":{"import":["./index.js"]}}',
  "openssl.cnf": "openssl_conf = missing\n[missing\n",
  "libc.so.6": "no library",
  "host-local": "#!/bin/sh\nexit 7\n",
  bridge: "#!/bin/sh\nexit 7\n",
};

/** Opens descriptor 3, to which nothing can be written. */
function brokenPipe(dir: string): string {
  return `rm -f ${dir}/pipe; mkfifo ${dir}/pipe; exec 4<>${dir}/pipe 3>${dir}/pipe 4>&-`;
}

/** Runs a script that ends by running the executable, which is its arguments. */
export function shell(script: string): readonly string[] {
  return ["sh", "-c", script, "sh"];
}

function mounted(...commands: readonly string[]): readonly string[] {
  return ["unshare", "--mount", ...shell(`set -e; ${commands.join("; ")}; exec "$@"`)];
}

/** A control group of a test's own, below the one that it runs in where that can be. cgroups(7), version 1 and 2 */
export class ControlGroup {
  readonly #folder: string;

  constructor(controller: "memory" | "pids", limit: number) {
    const name = `cni-test-${process.pid}-${controller}`;
    this.#folder = path.join(parentGroup(controller), name);
    fs.mkdirSync(this.#folder);
    const files = controller === "pids" ? ["pids.max"] : ["memory.max", "memory.limit_in_bytes"];
    const file = files.find((each) => fs.existsSync(path.join(this.#folder, each)));
    if (file === undefined)
      throw new Error(`Cannot limit ${controller}: ${this.#folder} has none of ${files.join(", ")}`);
    fs.writeFileSync(path.join(this.#folder, file), String(limit));
  }

  readonly surroundings: Surroundings = () => shell(`echo $$ >${this.#folder}/cgroup.procs; exec "$@"`);

  remove(): void {
    fs.rmdirSync(this.#folder);
  }
}

/** The folder in which a group with that controller can be made. */
function parentGroup(controller: string): string {
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").map(mountOf);
  const groups = fs
    .readFileSync("/proc/self/cgroup", "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(":"));
  const first = mounts.find(({ type, options }) => type === "cgroup" && options.includes(controller));
  if (first !== undefined) {
    const own = groups.find(([, controllers = ""]) => controllers.split(",").includes(controller))?.[2] ?? "/";
    const folder = path.join(first.place, path.relative(first.root, own));
    return fs.existsSync(folder) ? folder : first.place;
  }
  const second = mounts.find(({ type }) => type === "cgroup2");
  if (second === undefined) throw new Error(`Cannot limit ${controller}: no control groups are mounted`);
  const control = path.join(second.place, "cgroup.subtree_control");
  if (!fs.readFileSync(control, "utf8").includes(controller)) fs.writeFileSync(control, `+${controller}`);
  return second.place;
}

function mountOf(line: string) {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root = "", place = ""] = before.split(" ");
  const [type = "", , options = ""] = after.split(" ");
  return { root, place, type, options: options.split(",") };
}
