// What these tests need besides packages of this distribution's, in .cache/runtimes: containerd 2, the kubelet, CRI-O, BuildKit, critest and apptainer.
// usage: node test/clients/cluster/prepare.ts   makes them where they are missing, and prints where they are
import { RELEASES } from "../runtimes/containerd.ts";
import { apptainerFolder } from "./apptainer.ts";
import { buildkitFile } from "./buildkit.ts";
import { crioFiles } from "./crio-programs.ts";
import { critestFile } from "./critest.ts";
import { kubeletFile } from "./kubelet-program.ts";

const makers = [
  RELEASES["2"].folder,
  kubeletFile,
  () => crioFiles().crio,
  () => buildkitFile("buildkitd"),
  () => buildkitFile("buildctl"),
  critestFile,
  apptainerFolder,
];

for (const make of makers) {
  try {
    console.log(`cluster: ${make()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
