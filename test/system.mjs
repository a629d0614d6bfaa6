// What the machine has to have: commands, and the kernel's features. Plain JavaScript for Node 18 without node_modules.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { environment } from "../build/node.mjs";

/** What is needed, and Debian's package that brings it: a command, a file by its full path, a library, or a module of Python's. */
export const TOOLS = {
  node: [
    { needs: "libatomic.so.1", package: "libatomic1" },
    { needs: "libstdc++.so.6", package: "libstdc++6" },
  ],
  build: [
    { needs: "python3", package: "python3" },
    { needs: "python3 -m pip", package: "python3-pip" },
  ],
  demo: [
    { needs: "ip", package: "iproute2" },
    { needs: "nft", package: "nftables" },
    { needs: "ping", package: "iputils-ping" },
    { needs: "unshare", package: "util-linux" },
    { needs: "script", package: "bsdutils" },
  ],
  unit: [
    { needs: "git", package: "git" },
    { needs: "gcc", package: "gcc" },
    { needs: "/usr/include/stdio.h", package: "libc6-dev" },
    { needs: "/usr/include/linux/netlink.h", package: "linux-libc-dev" },
    { needs: "groff", package: "groff-base" },
    { needs: "mandoc", package: "mandoc" },
  ],
  tests: [
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
    { needs: "dnsmasq", package: "dnsmasq-base" },
    { needs: "kea-dhcp4", package: "kea-dhcp4-server" },
    { needs: "kea-dhcp6", package: "kea-dhcp6-server" },
    { needs: "systemd-analyze", package: "systemd" },
    { needs: "python3", package: "python3" },
    { needs: "curl", package: "curl" },
    { needs: "zsh", package: "zsh" },
    { needs: "fish", package: "fish" },
  ],
  machine: [
    { needs: "qemu-system-x86_64", package: "qemu-system-x86" },
    { needs: "depmod", package: "kmod" },
    { needs: "cpio", package: "cpio" },
    { needs: "/bin/busybox", package: "busybox-static" },
  ],
  release: [
    { needs: "go", package: "golang-go" },
    { needs: "qemu-aarch64-static", package: "qemu-user-static" },
    { needs: "rpm", package: "rpm" },
    { needs: "dpkg-deb", package: "dpkg" },
    { needs: "buildah", package: "buildah" },
    { needs: "runc", package: "runc" },
    { needs: "kubectl", package: "kubernetes-client" },
    { needs: "python3 -m pip", package: "python3-pip" },
  ],
  runtimes: [
    { needs: "podman", package: "podman" },
    { needs: "containerd", package: "containerd" },
    { needs: "runc", package: "runc" },
    { needs: "/bin/busybox", package: "busybox-static" },
    { needs: "curl", package: "curl" },
    { needs: "inotifywait", package: "inotify-tools" },
  ],
  cluster: [
    { needs: "buildah", package: "buildah" },
    { needs: "conmon", package: "conmon" },
    { needs: "gcc", package: "gcc" },
    { needs: "/usr/include/stdio.h", package: "libc6-dev" },
  ],
};

/** Commands that succeed in a new network namespace where the kernel has what the plugins need. */
const KERNEL = [
  { needs: "network namespaces", command: "true", help: "run in a container with --privileged, or outside of one" },
  { needs: "bridges", command: "ip link add name b0 type bridge", help: "modprobe bridge" },
  { needs: "veth pairs", command: "ip link add name v0 type veth peer name v1", help: "modprobe veth" },
  { needs: "nf_tables", command: "nft add table inet t", help: "modprobe nf_tables" },
];

/** What the tests need besides. */
const KERNEL_OF_TESTS = [
  { needs: "nf_tables for bridges", command: "nft add table bridge t", help: "a kernel with CONFIG_NF_TABLES_BRIDGE" },
];

export const isRoot = process.getuid() === 0;

/** Those of a list that the machine lacks. */
export function missing(tools) {
  return tools.filter(({ needs }) => !isThere(needs));
}

export function isThere(needs) {
  if (/\.so\.\d+$/.test(needs)) return libraries()?.includes(`\t${needs} `) ?? true;
  if (needs.includes(" ")) return succeeds([...needs.split(" "), "--version"]);
  const places = needs.startsWith("/")
    ? [needs]
    : environment.PATH.split(":").map((folder) => path.join(folder, needs));
  return places.some((place) => fs.existsSync(place));
}

/** A list of all that the dynamic linker finds; undefined where it does not tell. */
function libraries() {
  const { status, stdout } = spawnSync("ldconfig", ["-p"], { env: environment, encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/** What somebody types to install tools. */
export function installation(tools) {
  if (!isThere("apt-get")) return "this system's package manager: it has packages that bring them";
  return asRoot(`apt-get update && apt-get install -y --no-install-recommends ${packagesOf(tools).join(" ")}`);
}

/** The same command for somebody who is not root. */
export function asRoot(command) {
  if (isRoot) return command;
  if (!isThere("sudo")) return `su -c ${JSON.stringify(command)}`;
  return command
    .split(" && ")
    .map((each) => `sudo ${each}`)
    .join(" && ");
}

export function packagesOf(tools) {
  return [...new Set(tools.map((tool) => tool.package))];
}

/** Ends the process where tools are missing that it cannot install: that takes root, and apt. */
export function refuseUninstallable(tools) {
  if (tools.length === 0 || (isRoot && isThere("apt-get"))) return;
  fail(`Cannot find ${tools.map(({ needs }) => `"${needs}"`).join(", ")}`, installation(tools));
}

/** Installs Debian packages. Ends the process where that fails. */
export function installTools(tools) {
  const packages = packagesOf(tools);
  if (packages.length === 0) return;
  const services = packages.filter((name) => /^(firewalld|kea-dhcp[46]-server)$/.test(name));
  for (const name of services) keepFromStarting(`${name}.service`);
  const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  const env = { ...environment, DEBIAN_FRONTEND: "noninteractive" };
  // A new machine has no package lists, an old one has lists of packages that are gone: both are cured by fetching them.
  const quietly = `${command} </dev/null >/dev/null 2>&1 || { apt-get update </dev/null >/dev/null && ${command} </dev/null >/dev/null; }`;
  console.log(`> ${command} (about a minute)`);
  const { status } = spawnSync("sh", ["-c", quietly], { env, stdio: "inherit" });
  if (status !== 0) fail(`Cannot install ${packages.join(", ")}: see above`, installation(tools));
}

/** Masks a unit before its package comes: tests start the service in namespaces of their own, and the machine's network is not theirs to change. */
function keepFromStarting(unit) {
  const mask = path.join("/etc/systemd/system", unit);
  if (!fs.existsSync("/run/systemd/system") || fs.existsSync(mask)) return;
  fs.symlinkSync("/dev/null", mask);
  console.log(`${unit} is masked, so that it does not start here: "systemctl unmask ${unit}" if you want it`);
}

/** What the kernel lacks in a new network namespace that `unshare` makes with these options; undefined where it has everything. */
export function findMissingFeature(options, { forTests = false } = {}) {
  const features = [...KERNEL, ...(forTests ? KERNEL_OF_TESTS : [])];
  const all = features.map(({ command }) => command).join(" && ");
  if (succeeds(["unshare", ...options, "--net", "sh", "-c", all])) return undefined;
  for (const { needs, command, help } of features) {
    const argv = [...options, "--net", ...command.split(" ")];
    const child = spawnSync("unshare", argv, { env: environment, encoding: "utf8" });
    const why = (child.stderr ?? child.error?.message ?? "").trim();
    if (child.status !== 0) return { message: `Cannot use ${needs}: ${why}`, help };
  }
  return undefined;
}

function succeeds([file, ...args]) {
  return spawnSync(file, args, { env: environment, stdio: "ignore" }).status === 0;
}

/** Ends the process with what is wrong and the command that helps. */
export function fail(message, help) {
  console.error(`${message}\n  this would help: ${help}`);
  process.exit(1);
}
