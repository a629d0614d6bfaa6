import fs from "node:fs";
import path from "node:path";

/** Findings of one run: printed once for each kind, and all kept in a file of .cache/FOLDER that has the run's seed as its name. */
export class Findings<T extends { readonly kind: string }> {
  readonly #file: string;
  readonly #format: (finding: T) => string;
  readonly #kinds = new Set<string>();
  count = 0;

  constructor(folder: string, seed: number, format: (finding: T) => string) {
    this.#file = path.join(import.meta.dirname, "../../.cache", folder, `${seed}.txt`);
    this.#format = format;
  }

  report(finding: T): void {
    if (!this.#kinds.has(finding.kind)) console.log(this.#format(finding));
    this.#kinds.add(finding.kind);
    this.count++;
    fs.mkdirSync(path.dirname(this.#file), { recursive: true });
    fs.appendFileSync(this.#file, `${this.#format(finding)}\n`);
  }
}
