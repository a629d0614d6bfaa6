import { parseJson } from "../../cni/json.ts";
import { describeContainerd, findContainerd, isTooNew } from "../validate/runtime-version.ts";
import type { Check } from "./examination.ts";

/** Whether the containerd that is installed takes the versions of the lists. */
export const runtimeCheck: Check = {
  name: "list",
  run: ({ networks, edge }) => {
    const containerd = findContainerd(edge.environment);
    if (containerd === undefined) return [];
    const refused = networks.filter(({ bytes }) => isTooNew(parseJson(bytes), containerd)).map(({ name }) => name);
    if (refused.length === 0)
      return [{ level: "ok", subject: "containerd", message: `${containerd} takes the version of each list` }];
    const message = `${describeContainerd(containerd)}, but the lists of networks ${refused.join(", ")} have a newer one`;
    const cure = 'set "cniVersion" to "1.0.0" in the lists that containerd uses';
    return [{ level: "warning", subject: "containerd", message, cure }];
  },
};
