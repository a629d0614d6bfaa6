import { appendLine } from "../../src/linux/append.ts";
import * as files from "./atomic-file.ts";

/** Number of lines from which the file is rewritten, if most of its entries have expired. */
const LONG = 64;

/**
 * Appends the release time of addresses to .state/released: one line each, with the time in ms and the address. A line torn by a crash is
 * ignored. Without the file no address rests.
 */
export function noteReleased(folder: string, addresses: readonly string[]): void {
  const now = Date.now();
  const lines = addresses.map((address) => `${now} ${address}`);
  try {
    appendLine(pathOf(folder), lines.join("\n"));
  } catch {
    // The address is released even if it cannot rest.
  }
}

/**
 * The addresses released less than `delay` seconds ago, the oldest release first. A time in the future (the clock was set back) counts as
 * now.
 */
export function findResting(folder: string, delay: number): readonly string[] {
  if (delay === 0) return [];
  const { lines, released } = readReleased(folder, delay);
  if (lines.length > LONG && lines.length > 2 * released.size) rewrite(folder, released);
  return [...released].sort(([, a], [, b]) => a - b).map(([address]) => address);
}

/** The addresses of `findResting` with the time of their release in ms, and all lines of the file. It changes nothing. */
export function readReleased(
  folder: string,
  delay: number,
): { readonly lines: readonly string[]; readonly released: ReadonlyMap<string, number> } {
  const lines = (files.readText(pathOf(folder)) ?? "").split("\n");
  const since = Date.now() - delay * 1000;
  const released = new Map<string, number>();
  for (const line of lines) {
    const [, time = "", address = ""] = /^(\d{13}) ([0-9a-f.:]+)$/.exec(line) ?? [];
    released.delete(address);
    if (Number(time) > since) released.set(address, Number(time));
  }
  return { lines, released };
}

/** Rewrites the file. A line that a concurrent DEL adds may be lost; then its address does not rest. */
function rewrite(folder: string, released: ReadonlyMap<string, number>): void {
  const lines = Array.from(released, ([address, time]) => `${time} ${address}\n`);
  try {
    files.replaceFile(`${folder}/.state`, "released", lines.join(""));
  } catch {
    // The long file still works.
  }
}

function pathOf(folder: string): string {
  return `${folder}/.state/released`;
}
