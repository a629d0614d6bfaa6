// What these tests need besides packages of this distribution's: multus and nerdctl, in .cache/runtimes.
// usage: node test/clients/built/prepare.ts   makes them where they are missing, and prints where they are
import { multusPlugin } from "./multus.ts";
import { nerdctlFile } from "./nerdctl.ts";

for (const make of [multusPlugin, nerdctlFile]) {
  try {
    console.log(`built: ${make()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
