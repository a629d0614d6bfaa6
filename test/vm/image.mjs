// The virtual machine's kernel, Debian's own, with its modules and a first file system, kept in .cache/vm. Nothing is installed in the system.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../build/node.mjs";
import { fail } from "../system.mjs";

const cache = path.join(root, ".cache/vm");

/** The package that always depends on the newest kernel's. */
const NEWEST = "linux-image-amd64";

/** What the first file system needs to mount the machine's own root, with all that they need in turn. */
const MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/** What of busybox the script `init` uses. */
const APPLETS = ["sh", "cat", "insmod", "mkdir", "mount", "poweroff", "switch_root"];

/**
 * Where kernel, modules and first file system are: { folder, release, kernel, modules, initrd }. Made on first use, of
 * the newest kernel there is; `rm -r .cache/vm` forgets it. VM_KERNEL names another one: a folder with the extracted packages of a kernel,
 * so with boot/vmlinuz-RELEASE and lib/modules/RELEASE.
 */
export function ensureImage() {
  fs.mkdirSync(cache, { recursive: true });
  const own = process.env.VM_KERNEL;
  const release = own === undefined ? (cachedRelease() ?? unpack()) : releaseIn(own);
  const folder = own === undefined ? path.join(cache, release) : path.resolve(own);
  const image = { folder, release, kernel: path.join(folder, "boot", `vmlinuz-${release}`) };
  const initrd = path.join(cache, "initrd");
  // Made anew each time, for it holds a script of the repository's; it takes no time.
  makeInitrd(folder, release, initrd);
  return { ...image, modules: path.join(folder, "lib/modules"), initrd };
}

function cachedRelease() {
  return fs.existsSync(cache)
    ? fs.readdirSync(cache).find((name) => fs.existsSync(path.join(cache, name, "ready")))
    : undefined;
}

function releaseIn(folder) {
  const modules = path.join(folder, "lib/modules");
  const [release] = fs.existsSync(modules) ? fs.readdirSync(modules) : [];
  if (release === undefined || !fs.existsSync(path.join(folder, "boot", `vmlinuz-${release}`)))
    fail(`Cannot use VM_KERNEL ${folder}: no kernel in it`, "extract its packages there: dpkg-deb -x FILE.deb FOLDER");
  run(["depmod", "-b", path.resolve(folder), release]);
  return release;
}

function unpack() {
  // A new machine has no package lists, an old one has lists of packages that are gone.
  run(["apt-get", "update"]);
  const name = newestPackage();
  if (name === undefined) fail(`Cannot find a kernel: no package ${NEWEST} here`, "use Debian on x86-64");
  const release = name.slice("linux-image-".length);
  const folder = path.join(cache, release);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  console.log(`> apt-get download ${name}`);
  run(["apt-get", "-o", "APT::Sandbox::User=root", "download", name], folder);
  const [deb] = fs.readdirSync(folder);
  run(["dpkg-deb", "-x", deb, "."], folder);
  fs.rmSync(path.join(folder, deb));
  run(["depmod", "-b", folder, release]);
  fs.writeFileSync(path.join(folder, "ready"), "");
  return release;
}

function newestPackage() {
  const { stdout } = spawnSync("apt-cache", ["depends", NEWEST], { encoding: "utf8" });
  return /Depends: (linux-image-\S+)/.exec(stdout ?? "")?.[1];
}

/** A cpio archive: busybox, the modules in the order in which they load, and the script `init`. */
function makeInitrd(folder, release, file) {
  const tree = fs.mkdtempSync(path.join(cache, "initrd-"));
  for (const name of ["bin", "modules", "proc", "host", "changes", "root"]) fs.mkdirSync(path.join(tree, name));
  fs.copyFileSync("/bin/busybox", path.join(tree, "bin/busybox"));
  for (const applet of APPLETS) fs.symlinkSync("busybox", path.join(tree, "bin", applet));
  const order = moduleFiles(folder, release).map((source) => {
    fs.copyFileSync(source, path.join(tree, "modules", path.basename(source)));
    return path.basename(source);
  });
  fs.writeFileSync(path.join(tree, "modules/order"), order.join("\n"));
  fs.copyFileSync(path.join(import.meta.dirname, "init.sh"), path.join(tree, "init"));
  fs.chmodSync(path.join(tree, "init"), 0o755);
  run(["sh", "-c", `find . | cpio -o -H newc --quiet > ${JSON.stringify(file)}`], tree);
  fs.rmSync(tree, { recursive: true });
}

function moduleFiles(folder, release) {
  const lines = MODULES.flatMap((name) =>
    run(["modprobe", "-d", folder, "-S", release, "--show-depends", name]).split("\n"),
  );
  const files = lines.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(files)];
}

function run(argv, cwd = cache) {
  const child = spawnSync(argv[0], argv.slice(1), { cwd, encoding: "utf8" });
  if (child.status !== 0)
    fail(`"${argv.join(" ")}" failed: ${child.stderr ?? child.error?.message}`, "npm run test:vm");
  return child.stdout;
}
