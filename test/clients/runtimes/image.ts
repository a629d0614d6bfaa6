import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { BUSYBOX, writePages } from "./who.ts";

/** The image's name for every runtime. Its command sleeps, as a pod's own container does. */
export const IMAGE = "localhost/busybox:1";

/** An image's name, and the command of a container that is given none. */
interface Given {
  readonly name: string;
  readonly command: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const SLEEP = ["/bin/sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait; done"];

/** Makes an image of busybox alone, without any registry, in OCI's layout; returns its archive. Its files are in the folder `rootfs`. */
export function makeImage(folder: string, { name, command }: Given = { name: IMAGE, command: SLEEP }): string {
  const layout = path.join(folder, "image");
  const blobs = path.join(layout, "blobs/sha256");
  fs.mkdirSync(blobs, { recursive: true });
  const layer = keep(blobs, layerOf(path.join(folder, "rootfs")));
  const platform = { architecture: ARCHITECTURES[process.arch] ?? process.arch, os: "linux" };
  const config = keepJson(blobs, {
    ...platform,
    config: { Env: ["PATH=/bin"], Cmd: command, WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = keepJson(blobs, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
  });
  const names = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...manifest, platform, annotations: names };
  fs.writeFileSync(path.join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  fs.writeFileSync(path.join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const archive = path.join(folder, "image.tar");
  execFileSync("tar", ["-C", layout, "-cf", archive, "."]);
  return archive;
}

function layerOf(rootfs: string): Buffer {
  for (const name of ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"])
    fs.mkdirSync(path.join(rootfs, name), { recursive: true });
  fs.copyFileSync(BUSYBOX, path.join(rootfs, BUSYBOX));
  if (spawnSync("chroot", [rootfs, BUSYBOX, "true"]).status !== 0)
    throw new Error(`Cannot make an image of ${BUSYBOX}: must be static. Install busybox-static`);
  const applets = execFileSync(BUSYBOX, ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const name of applets.filter((applet) => applet !== "busybox"))
    fs.symlinkSync("busybox", path.join(rootfs, "bin", name));
  fs.writeFileSync(path.join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writePages(rootfs);
  return execFileSync("tar", ["-C", rootfs, "--owner=0", "--group=0", "-c", "."], { maxBuffer: 1 << 28 });
}

function keepJson(blobs: string, value: unknown) {
  return keep(blobs, Buffer.from(JSON.stringify(value)));
}

function keep(blobs: string, content: Buffer) {
  const hash = createHash("sha256").update(content).digest("hex");
  fs.writeFileSync(path.join(blobs, hash), content);
  return { digest: `sha256:${hash}`, size: content.length };
}
