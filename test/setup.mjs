// Makes a fresh clone on Debian or Ubuntu ready: system packages, npm packages, executables. Plain JavaScript for Node 20 without
// node_modules, for nothing else is there yet. Quick where all is in place; what it cannot put in place, it names with the command that would.
// usage: node test/setup.mjs
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The pinned Node that runs every later tool. It comes from the npm registry. */
export const node = path.join(root, "node_modules/.bin/node");

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Environment for later tools: the pinned Node first, and the places where system tools are. */
export const environment = {
  ...process.env,
  PATH: [path.dirname(node), process.env.PATH ?? "", SYSTEM_PATH].join(":"),
};

/** What has to be there: a command, or a file by its full path, and the package that brings it. */
const SYSTEM_PACKAGES = [
  { needs: "ip", package: "iproute2" },
  { needs: "nft", package: "nftables" },
  { needs: "conntrack", package: "conntrack" },
  { needs: "iptables", package: "iptables" },
  { needs: "ping", package: "iputils-ping" },
  { needs: "nsenter", package: "util-linux" },
  { needs: "sysctl", package: "procps" },
  { needs: "tcpdump", package: "tcpdump" },
  { needs: "strace", package: "strace" },
  { needs: "dbus-daemon", package: "dbus-daemon" },
  { needs: "firewalld", package: "firewalld" },
  { needs: "python3", package: "python3" },
  { needs: "gcc", package: "gcc" },
  { needs: "/usr/include/stdio.h", package: "libc6-dev" },
  { needs: "/usr/include/linux/netlink.h", package: "linux-libc-dev" },
];

/** What test/vm needs besides. */
const MACHINE_PACKAGES = [
  { needs: "qemu-system-x86_64", package: "qemu-system-x86" },
  { needs: "depmod", package: "kmod" },
  { needs: "cpio", package: "cpio" },
  { needs: "/bin/busybox", package: "busybox-static" },
];

/** What test/clients/runtimes needs besides. */
const RUNTIME_PACKAGES = [
  { needs: "podman", package: "podman" },
  { needs: "containerd", package: "containerd" },
  { needs: "runc", package: "runc" },
  { needs: "/bin/busybox", package: "busybox-static" },
  { needs: "curl", package: "curl" },
  { needs: "inotifywait", package: "inotify-tools" },
];

/** Commands that succeed in a new network namespace where the kernel has what the tests and the plugins need. */
const KERNEL = [
  { needs: "network namespaces", command: "true", help: "run as root, in a container with --privileged" },
  { needs: "bridges", command: "ip link add name b0 type bridge", help: "modprobe bridge" },
  { needs: "veth pairs", command: "ip link add name v0 type veth peer name v1", help: "modprobe veth" },
  { needs: "nf_tables", command: "nft add table inet t", help: "modprobe nf_tables" },
  { needs: "nf_tables for bridges", command: "nft add table bridge t", help: "a kernel with CONFIG_NF_TABLES_BRIDGE" },
];

/**
 * Puts in place what is missing, or ends the process with what would. `kernel: false` leaves out what only tests
 * with network namespaces need: system packages, root, and the executables. `machine: true` is for tests in a virtual machine,
 * which brings its own kernel and root. `runtimes: true` is for tests with container runtimes.
 */
export function setup({ kernel = true, machine = false, runtimes = false } = {}) {
  if (Number.parseInt(process.versions.node, 10) < 20)
    fail(`Cannot use Node ${process.versions.node}: must be 20 or newer`, "apt-get install nodejs npm");
  const packages = [
    ...(kernel || machine ? SYSTEM_PACKAGES : []),
    ...(machine ? MACHINE_PACKAGES : []),
    ...(runtimes ? RUNTIME_PACKAGES : []),
  ];
  installPackages(packages.filter(({ needs }) => !isThere(needs)).map((entry) => entry.package));
  installNodeModules();
  if (!kernel && !machine) return;
  if (kernel) probeKernel();
  if (isOutdated()) run(["npm", "run", "build"], "npm run build");
}

function isThere(needs) {
  const places = needs.startsWith("/")
    ? [needs]
    : environment.PATH.split(":").map((folder) => path.join(folder, needs));
  return places.some((place) => fs.existsSync(place));
}

function installPackages(packages) {
  if (packages.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!isThere("apt-get")) fail(`Cannot find ${packages.join(", ")}, nor apt-get to install them`, command);
  if (process.getuid() !== 0) fail(`Cannot install ${packages.join(", ")}: must be root`, `sudo ${command}`);
  if (packages.includes("firewalld")) keepFromStarting("firewalld.service");
  const env = { ...environment, DEBIAN_FRONTEND: "noninteractive" };
  // A new machine has no package lists, an old one has lists of packages that are gone: both are cured by fetching them.
  for (const attempt of [command, "apt-get update", command]) {
    console.log(`> ${attempt}`);
    const { status } = spawnSync("sh", ["-c", `${attempt} </dev/null >/dev/null`], { env, stdio: "inherit" });
    if (attempt === command && status === 0) return;
  }
  fail(`Cannot install ${packages.join(", ")}`, `apt-get update && ${command}`);
}

/** Masks a unit before its package comes: tests start firewalld in namespaces of their own, and the machine's network is not theirs to filter. */
function keepFromStarting(unit) {
  const mask = path.join("/etc/systemd/system", unit);
  if (!fs.existsSync("/run/systemd/system") || fs.existsSync(mask)) return;
  fs.symlinkSync("/dev/null", mask);
  console.log(`${unit} is masked, so that it does not start here: "systemctl unmask ${unit}" if you want it`);
}

function installNodeModules() {
  if (!isThere("npm")) fail("Cannot find npm", "apt-get install npm");
  const installed = modified(path.join(root, "node_modules/.package-lock.json"));
  if (installed < modified(path.join(root, "package-lock.json"))) run(["npm", "ci"], "npm ci");
  if (!fs.existsSync(node)) fail(`Cannot find ${node}: it is an optional npm package`, "npm ci --include=optional");
  if (nodeStarts()) return;
  installPackages(["libatomic1", "libstdc++6"]);
  if (!nodeStarts()) fail(`Cannot start ${node}`, `ldd ${fs.realpathSync(node)}`);
}

function nodeStarts() {
  return spawnSync(node, ["--version"], { env: environment }).status === 0;
}

function probeKernel() {
  if (process.getuid() !== 0)
    fail("Cannot make network namespaces: must be root", "sudo npm test (or sudo npm run demo)");
  const all = KERNEL.map(({ command }) => command).join(" && ");
  if (spawnSync("unshare", ["--net", "sh", "-c", all], { env: environment }).status === 0) return;
  for (const { needs, command, help } of KERNEL) {
    const child = spawnSync("unshare", ["--net", ...command.split(" ")], { env: environment, encoding: "utf8" });
    if (child.status !== 0) fail(`Cannot use ${needs}: ${(child.stderr ?? child.error?.message ?? "").trim()}`, help);
  }
}

/** Whether an executable is missing or older than any source of it. */
function isOutdated() {
  const built = Math.min(...["bin", "pkg"].map((folder) => modified(path.join(root, "dist", folder, "cnictl"))));
  const sources = ["build.mjs", "package.json", "package-lock.json", "src", "plugins"];
  return built < Math.max(...sources.map((source) => newest(path.join(root, source))));
}

function newest(place) {
  const stat = fs.statSync(place);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...fs.readdirSync(place).map((name) => newest(path.join(place, name))));
}

function modified(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(argv, help) {
  console.log(`> ${argv.join(" ")}`);
  const child = spawnSync(argv[0], argv.slice(1), {
    cwd: root,
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (child.status !== 0) fail(`"${argv.join(" ")}" failed: see above`, help);
}

/** Ends the process with what is wrong and the command that helps. */
export function fail(message, command) {
  console.error(`${message}\n  this would help: ${command}`);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
