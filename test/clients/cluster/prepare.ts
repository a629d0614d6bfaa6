// What these tests need besides packages of this distribution's, in .cache/runtimes: containerd 2, the kubelet, CRI-O and BuildKit.
import { RELEASES } from "../runtimes/containerd.ts";
import { buildkitFile } from "./buildkit.ts";
import { crioFiles } from "./crio-programs.ts";
import { kubeletFile } from "./kubelet-program.ts";

const makers = [
  RELEASES["2"].folder,
  kubeletFile,
  () => crioFiles().crio,
  () => buildkitFile("buildkitd"),
  () => buildkitFile("buildctl"),
];

for (const make of makers) {
  try {
    console.log(`cluster: ${make()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
