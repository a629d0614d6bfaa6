import { goExecutable } from "./go-module.ts";

/** The last release of the CNI project's plugins that has flannel's, which has its own repository since, and does the same there. */
const PLUGINS_VERSION = "0.9.1";
/** With that release's own library it would know no version after 0.4.0. */
const LIBRARY_VERSION = "1.3.0";

const modules = "github.com/containernetworking";

/** flannel's CNI plugin: an executable, made once. @throws Error that says what was tried */
export function flannelPlugin(): string {
  return goExecutable({
    name: "flannel",
    version: PLUGINS_VERSION,
    main: `${modules}/plugins/plugins/meta/flannel`,
    required: [`${modules}/cni v${LIBRARY_VERSION}`, `${modules}/plugins v${PLUGINS_VERSION}`],
  });
}
