// npm run test:vm: the tests that need a kernel with VLAN filtering, in a virtual machine with Debian's own kernel. qemu emulates it:
// no /dev/kvm, and nothing installed but packages. Its exit status is vitest's.
// usage: node test/vm/run.mjs [arguments for vitest | --exec COMMAND]; CNI_BIN_DIR names the executables, dist/bin unless told
// What a command leaves in /vm is in .cache/vm/shared afterwards.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { node, root } from "../../build/node.mjs";
import { bin, setup } from "../setup.mjs";
import { fail } from "../system.mjs";
import { ensureImage } from "./image.mjs";

/** How long the virtual machine may run. */
const TIME_LIMIT_MS = 40 * 60_000;

const shared = path.join(root, ".cache/vm/shared");
/** Where TEST_REPORTS names a folder, a JSON report goes there, for .ci/run to add up. */
const reports = process.env.TEST_REPORTS;

if (process.arch !== "x64")
  fail(`Cannot run the tests on ${process.arch}: must be x64`, "use a machine with an x86-64 processor");
setup({ tools: ["tests", "machine"] });
const image = ensureImage();
fs.rmSync(shared, { recursive: true, force: true });
fs.mkdirSync(shared, { recursive: true });
fs.writeFileSync(path.join(shared, "run.sh"), guestScript(process.argv.slice(2)));
console.log(`Linux ${image.release} in qemu, with the executables of ${bin}`);
const child = spawnSync("qemu-system-x86_64", machine(image), {
  stdio: ["ignore", "inherit", "inherit"],
  timeout: TIME_LIMIT_MS,
});
keepReport();
process.exit(exitStatus(child));

/** What the virtual machine runs as root; it ends with it. */
function guestScript(args) {
  const vitest = [
    "node",
    "node_modules/vitest/vitest.mjs",
    "run",
    "--config",
    "test/vitest.config.ts",
    "--project",
    "vm",
  ];
  if (reports !== undefined) vitest.push("--reporter=default", "--reporter=json", "--outputFile.json=/vm/report.json");
  const command = args[0] === "--exec" ? args.slice(1).join(" ") : [...vitest, ...args].map(quote).join(" ");
  return `
export HOME=/root PATH=${quote(path.dirname(node))}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export CNI_BIN_DIR=${quote(bin)} CI=1 NO_COLOR=1
mkdir -p /lib/modules
mount --bind ${quote(image.modules)} /lib/modules
# Real callers need control groups.
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
cd ${quote(root)}
{ ${command}; echo $? > /vm/status; } 2>&1 </dev/null | cat
/bin/busybox poweroff -f
`;
}

function machine({ kernel, initrd }) {
  const share = (id, place, access) => [
    ["-fsdev", `local,id=${id},path=${place.replaceAll(",", ",,")},security_model=none${access}`],
    ["-device", `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  return [
    ["-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ["-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio"],
    // On a busy machine the emulated timer is late, and the kernel's check of it would fail.
    ["-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 no_timer_check"],
    // A network card, without a network.
    ["-device", "virtio-net-pci,mac=52:54:00:12:34:56"],
    ...share("host", "/", ",readonly=on,multidevs=remap"),
    ...share("vm", shared, ""),
  ].flat();
}

function keepReport() {
  const report = path.join(shared, "report.json");
  if (reports === undefined || !fs.existsSync(report)) return;
  fs.mkdirSync(reports, { recursive: true });
  fs.copyFileSync(report, path.join(reports, `${path.basename(bin)}-vm.json`));
}

function exitStatus({ error, status, signal }) {
  if (error?.code === "ETIMEDOUT")
    return report(`The virtual machine did not end within ${TIME_LIMIT_MS / 60_000} minutes`);
  if (error !== undefined || status !== 0)
    return report(`qemu failed: ${error?.message ?? `status ${status}, signal ${signal}`}`);
  const file = path.join(shared, "status");
  if (!fs.existsSync(file)) return report("The virtual machine ended before the tests did: see above");
  return Number(fs.readFileSync(file, "utf8"));
}

function report(message) {
  console.error(message);
  return 1;
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
