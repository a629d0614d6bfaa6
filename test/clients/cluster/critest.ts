import { goExecutable } from "../runtimes/go-module.ts";

const VERSION = "1.34.0";
const MODULE = "sigs.k8s.io/cri-tools";

/** The tests that Kubernetes has for runtimes: an executable, made once. @throws Error that says what was tried */
export function critestFile(): string {
  const required = [`${MODULE} v${VERSION}`];
  return goExecutable({ name: "critest", version: VERSION, main: `${MODULE}/cmd/critest`, required, isTest: true });
}
