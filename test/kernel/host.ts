import type { Rtnetlink } from "../../src/netlink/socket.ts";
import type { Host } from "../../src/steps/host.ts";
import { fakeHost } from "../steps/fake-host.ts";
import type { FakeKernel } from "./fake-kernel.ts";

/** A machine with that kernel for verbs and steps, where nobody else holds locks; it has no other plugins and no commands unless given. */
export function hostOn(
  kernel: FakeKernel,
  parts: Partial<Pick<Host, "delegate" | "launch" | "withBridges" | "withVlans">> = {},
): Host {
  let own: Rtnetlink | undefined;
  return fakeHost({
    get netlink() {
      own ??= kernel.openRoute();
      return own;
    },
    sysctls: kernel.host.sysctls,
    openNetlink: () => kernel.openRoute(),
    openNetfilter: () => kernel.openNetfilter(),
    findInNamespaces: (find) => {
      for (const namespace of kernel.namespaces) {
        if (namespace === kernel.host) continue;
        const found = find(kernel.openRoute(namespace));
        if (found !== undefined) return found;
      }
      return undefined;
    },
    openContainer: (path) => kernel.openContainer(kernel.namespaceAt(path)),
    openOwnNetns: () => kernel.host.fd,
    ...parts,
  });
}
