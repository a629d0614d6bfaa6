// Plays scenarios in a world of its own, which main.ts has made around it, and prints a line of JSON for each that shows something.
// usage: node inside.ts SEED FIRST LAST MILLISECONDS
import { playScenario } from "./play.ts";
import { clearWorld } from "./world.ts";

const [seed = 0, first = 0, last = 0, milliseconds = 0] = process.argv.slice(2).map(Number);
const end = performance.now() + milliseconds;
clearWorld();
let calls = 0;
let number = first;
for (; number < last && performance.now() < end; number++) {
  const played = play(number);
  calls += played.calls;
  if (played.finding !== undefined) process.stdout.write(`${JSON.stringify({ finding: played.finding })}\n`);
}
process.stdout.write(`${JSON.stringify({ scenarios: number - first, calls })}\n`);

function play(which: number): ReturnType<typeof playScenario> {
  try {
    return playScenario(seed, which);
  } catch (error) {
    throw new Error(`Cannot play number ${which}`, { cause: error });
  }
}
