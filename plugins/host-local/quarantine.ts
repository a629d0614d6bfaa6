import fs from "#fs";
import * as files from "./atomic-file.ts";

/** Lines from which a file of which most is over is written anew. */
const LONG = 64;

/**
 * Notes when addresses were released: one line each, time in ms and address, at the end of .state/released. A line that a
 * crash tears is passed over; without the file nothing rests.
 */
export function noteReleased(folder: string, addresses: readonly string[]): void {
  const now = Date.now();
  const lines = addresses.map((address) => `${now} ${address}\n`);
  try {
    fs.appendFileSync(pathOf(folder), lines.join(""), { mode: 0o600 });
  } catch {
    // An address that cannot rest is released all the same.
  }
}

/**
 * The addresses released less than `delay` seconds ago, the one released first in front. A time to come, for the clock was
 * set back since, counts as just now.
 */
export function findResting(folder: string, delay: number): readonly string[] {
  if (delay === 0) return [];
  const lines = (files.readText(pathOf(folder)) ?? "").split("\n");
  const since = Date.now() - delay * 1000;
  const released = new Map<string, number>();
  for (const line of lines) {
    const [, time = "", address = ""] = /^(\d{13}) ([0-9a-f.:]+)$/.exec(line) ?? [];
    released.delete(address);
    if (Number(time) > since) released.set(address, Number(time));
  }
  if (lines.length > LONG && lines.length > 2 * released.size) rewrite(folder, released);
  return [...released].sort(([, a], [, b]) => a - b).map(([address]) => address);
}

/** A line that another DEL adds meanwhile may be lost: its address does not rest, and that is all. */
function rewrite(folder: string, released: ReadonlyMap<string, number>): void {
  const lines = Array.from(released, ([address, time]) => `${time} ${address}\n`);
  try {
    files.replaceFile(`${folder}/.state`, "released", lines.join(""));
  } catch {
    // The long file serves as well.
  }
}

function pathOf(folder: string): string {
  return `${folder}/.state/released`;
}
