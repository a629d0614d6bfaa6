import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { vi } from "vitest";
import { errnoName } from "../../src/platform/errno.ts";

const READERS = ["readdirSync", "readlinkSync", "statSync", "existsSync", "readFileSync", "realpathSync"] as const;

/** A folder that is read in place of one of the kernel's file systems, until vi.restoreAllMocks(). */
export class FakeTree {
  readonly #root = fs.mkdtempSync(path.join(os.tmpdir(), "tree-"));
  /** Paths that cannot be read, with the errno. */
  readonly broken = new Map<string, number>();

  /** `place` is the path of the file system, such as /sys. */
  constructor(place: string) {
    for (const name of READERS) {
      const real = fs[name];
      vi.spyOn(fs, name).mockImplementation((file: unknown, ...rest: unknown[]) => {
        const text = String(file);
        const errno = this.broken.get(text);
        if (errno !== undefined) throw Object.assign(new Error(text), { errno: -errno, code: errnoName(errno) });
        const isInside = text.startsWith(`${place}/`) || text === place;
        const found = Reflect.apply(real, fs, [isInside ? this.#root + text : file, ...rest]);
        return name === "realpathSync" ? String(found).replace(fs.realpathSync.native(this.#root), "") : found;
      });
    }
  }

  folder(file: string): void {
    fs.mkdirSync(this.#root + file, { recursive: true });
  }

  file(file: string, text: string): void {
    this.folder(path.dirname(file));
    fs.writeFileSync(this.#root + file, text);
  }

  link(file: string, target: string): void {
    this.folder(path.dirname(file));
    fs.symlinkSync(target, this.#root + file);
  }

  delete(): void {
    fs.rmSync(this.#root, { recursive: true });
  }
}
