// What the tests with runtimes need besides packages of this distribution's: containerd 2 and flannel's plugin, in .cache/runtimes.
// usage: node test/clients/runtimes/prepare.ts   makes them where they are missing, and prints where they are
import { RELEASES } from "./containerd.ts";
import { flannelPlugin } from "./flannel.ts";

for (const make of [RELEASES["2"].folder, flannelPlugin]) {
  try {
    console.log(`runtimes: ${make()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
