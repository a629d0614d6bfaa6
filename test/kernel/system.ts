import { ERRNO, LinuxError } from "../../src/linux/errno.ts";
import type * as IfreqModule from "../../src/linux/ifreq.ts";
import type * as NetnsModule from "../../src/linux/netns.ts";
import type * as SysctlModule from "../../src/linux/sysctl.ts";
import type * as SocketModule from "../../src/netlink/socket.ts";
import type * as LockModule from "../../src/steps/bridge-lock.ts";
import type { FakeKernel } from "./fake-kernel.ts";
import type { FakeNamespace } from "./namespace.ts";

// What reaches the system other than by a socket, for `vi.mock`: the same functions on the kernel in memory that runs.

let running: FakeKernel | undefined;

/** The namespaces that the thread is in, the innermost last; none is the host's. */
const entered: FakeNamespace[] = [];

/** Has the functions below speak to this kernel. */
export function run(kernel: FakeKernel): FakeKernel {
  running = kernel;
  entered.splice(0);
  return kernel;
}

/** In place of src/linux/sysctl.ts. */
export const sysctl: typeof SysctlModule = {
  readSysctl: (path) => here().sysctls.read(path),
  findSysctl: (path) => here().sysctls.find(path),
  writeSysctl: (path, value) => here().sysctls.write(path, value),
  writeSysctlUnread: (path, value) => here().sysctls.write(path, value),
};

/** In place of src/linux/netns.ts. */
export const netns: typeof NetnsModule = {
  openNetns: (path) => kernel().namespaceAt(path).fd,
  openOwnNetns: () => here().fd,
  withNetns: (which, act) => {
    entered.push(typeof which === "string" ? kernel().namespaceAt(which) : kernel().namespaceOf(which));
    try {
      return act();
    } finally {
      entered.pop();
    }
  },
};

/** What differs in src/netlink/socket.ts. */
export const socket: Pick<typeof SocketModule, "openNetlink"> = {
  openNetlink: (options) => kernel().openNetlink(options, here()),
};

/** What differs in src/linux/ifreq.ts. */
export const ifreq: Pick<typeof IfreqModule, "hasInterfaceIndex"> = {
  hasInterfaceIndex: (fd, index) => kernel().namespaceOf(fd).links.has(index),
};

/** In place of src/steps/bridge-lock.ts: nobody else is there. */
export const bridgeLock: typeof LockModule = { withBridges: (_, act) => act() };

function here(): FakeNamespace {
  return entered.at(-1) ?? kernel().host;
}

function kernel(): FakeKernel {
  if (running !== undefined) return running;
  throw new LinuxError("find the kernel in memory: run() has not been called", { syscall: "run", errno: ERRNO.ENOSYS });
}
