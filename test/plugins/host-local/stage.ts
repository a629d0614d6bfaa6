import fs from "node:fs";
import path from "node:path";
import { vi } from "vitest";
import { type OpenFolder, type Store, withOpenFolder } from "../../../plugins/host-local/exclusive.ts";
import { type OpenBook, openBook } from "../../../plugins/host-local/lease-book.ts";
import { type Address, parseAddress } from "../../../src/ip/address.ts";
import { temporaryFolder } from "./host-local.ts";

export const C1 = { containerId: "c1", ifname: "eth0" };

export function ip(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`No address: ${text}`);
  return address;
}

/** A folder with these files, older than a crash's leavings need to be unless told, in seconds. */
export function storeOf(files: Readonly<Record<string, string>>, age = 3600): Store & { readonly logged: string[] } {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) write(folder, name, text, age);
  const logged: string[] = [];
  return { folder, log: (line) => logged.push(line), logged };
}

/** Writes a file that is so many seconds old. */
export function write(folder: string, name: string, text: string, age = 0): void {
  const then = Date.now() / 1000 - age;
  fs.writeFileSync(path.join(folder, name), text);
  fs.utimesSync(path.join(folder, name), then, then);
}

/** The lock of a call that went on beside a stopped holder of flock(2). */
export function leaveLock(folder: string): void {
  fs.mkdirSync(`${folder}/.state/lock`, { recursive: true });
}

/** The names in the folder, without what is ours beside the leases. */
export function names({ folder }: Store): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name !== ".state")
    .sort();
}

/** The records: owner, and what is known of it. */
export function records({ folder }: Store): Record<string, string> {
  const attachments = path.join(folder, ".state/attachments");
  const found = fs.readdirSync(attachments).sort();
  return Object.fromEntries(found.map((name) => [name, fs.readlinkSync(path.join(attachments, name))]));
}

/** Runs `act` on the leases as an ADD of c1's eth0 sees them. */
export function inBook<T>(store: Store, act: (book: OpenBook, open: OpenFolder) => T, netns = ""): T {
  return withOpenFolder(store, 1000, (open) => {
    return act(openBook(open, { attachment: C1, netns, releaseDelay: 0 }), open);
  });
}

/** From now on the kernel says that this boot began then, in ms, and has this id. */
export function reboot(id: string, time = Date.now()): void {
  const read = vi.isMockFunction(fs.readFileSync) ? reals.readFileSync : fs.readFileSync;
  const stat = vi.isMockFunction(fs.statfsSync) ? reals.statfsSync : fs.statfsSync;
  Object.assign(reals, { readFileSync: read, statfsSync: stat });
  vi.spyOn(fs, "readFileSync").mockImplementation((file, options) => {
    if (file === "/proc/sys/kernel/random/boot_id") return `${id.padEnd(8, "0")}-0000-4000-8000-000000000000\n`;
    if (file === "/proc/stat") return `cpu 1 2 3\nbtime ${Math.floor(time / 1000)}\nprocesses 5\n`;
    return read(file, options);
  });
  // Where /run is in memory, its making tells of the real boot.
  vi.spyOn(fs, "statfsSync").mockImplementation(() => Object.assign(stat("/"), { type: 0 }));
}

const reals = { readFileSync: fs.readFileSync, statfsSync: fs.statfsSync };
