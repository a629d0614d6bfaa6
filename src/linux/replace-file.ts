import fs from "#fs";

/**
 * Writes a file, or replaces it, whole or not at all: a reader sees the old text or the new. `draft` is its path until it is complete, in the
 * same folder; one that a killed process left is replaced. Never follows a symbolic link. @throws the errors of node:fs
 */
export function replaceFile(file: string, { draft, text, mode }: { draft: string; text: string; mode: number }): void {
  fs.rmSync(draft, { force: true });
  try {
    fs.writeFileSync(draft, text, { flag: "wx", mode });
    fs.renameSync(draft, file);
  } catch (error) {
    try {
      fs.rmSync(draft, { force: true });
    } catch {
      // The first error says more.
    }
    throw error;
  }
}
