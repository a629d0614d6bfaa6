import { goExecutable } from "../runtimes/go-module.ts";

const VERSION = "4.2.3";
const MODULE = "gopkg.in/k8snetworkplumbingwg/multus-cni.v4";

/** multus' thin plugin: an executable, made once. @throws Error that says what was tried */
export function multusPlugin(): string {
  return goExecutable({
    name: "multus",
    version: VERSION,
    main: `${MODULE}/cmd/multus`,
    required: [`${MODULE} v${VERSION}`],
  });
}
