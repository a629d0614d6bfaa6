import type { CallTrace, OpenStep, Refusal } from "../cni/call-trace.ts";
import type { Delegation } from "../cni/delegate.ts";
import { reasonOf } from "../cni/error.ts";
import type { Exit } from "../cni/exit.ts";
import type { Child } from "../cni/plugin-process.ts";
import type { Sysctls } from "../linux/sysctl.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { errnoText, LinuxError } from "../platform/errno.ts";
import type { Container, Host } from "./host.ts";
import type { LinkUse } from "./host-lock.ts";
import { traceNetlink } from "./traced-netlink.ts";

/**
 * The host, with each request, lock, wait and command as a step of the trace. Nothing else knows of traces: without one, a call has
 * the plain host.
 */
export function traceHost(host: Host, trace: CallTrace): Host {
  let own: Host["netlink"] | undefined;
  return {
    get netlink() {
      own ??= traceNetlink(host.netlink, trace, false);
      return own;
    },
    sysctls: traceSysctls(host.sysctls, trace, false),
    openNetlink: () => traceNetlink(host.openNetlink(), trace, false),
    openNetfilter: () => traceNetlink(host.openNetfilter(), trace, false),
    openContainer: (path) => traceContainer(host.openContainer(path), trace),
    openOwnNetns: host.openOwnNetns,
    findInNamespaces: (find) => host.findInNamespaces((netlink) => find(traceNetlink(netlink, trace, true))),
    delegate: (request, options) => traceDelegation(trace, () => host.delegate(request, options)),
    launch: (executable, options) => {
      const args = "args" in options && Array.isArray(options.args) ? options.args : [];
      const action = [executable, ...args].join(" ");
      const step = trace.open({ phase: "netfilter", kind: "command", action });
      return traceCommand(
        step.run(() => host.launch(executable, options)),
        step,
      );
    },
    withBridges: (use, act) => traceLock(trace, nameLock("bridges", use), (begin) => host.withBridges(use, begin(act))),
    withVlans: (use, act) => traceLock(trace, nameLock("VLAN links", use), (begin) => host.withVlans(use, begin(act))),
    withDevices: (act) => traceLock(trace, nameLock("devices", "withdrawn"), (begin) => host.withDevices(begin(act))),
    withTables: (container, act) =>
      traceLock(trace, "lock the routing tables", (begin) => host.withTables(container, begin(act))),
  };
}

/** What an error of a step says, without the action, which the step has. */
export function describeFailure(error: unknown): Refusal {
  if (!(error instanceof LinuxError)) return { message: reasonOf(error) };
  const kernel = error instanceof NetlinkError ? error.explanation : undefined;
  return { errno: error.code, message: errnoText(error.errno), ...(kernel !== undefined && { kernel }) };
}

function nameLock(what: string, use: LinkUse): string {
  return use === "used" ? `lock the host's ${what}, shared` : `lock the host's ${what}`;
}

/** Times the wait for a lock, until what is done under it begins. */
function traceLock<T>(trace: CallTrace, action: string, lock: (begin: (act: () => T) => () => T) => T): T {
  const end = trace.open({ phase: "locks", kind: "flock", action }).start();
  try {
    return lock((act) => () => {
      end();
      return act();
    });
  } catch (error) {
    end(error);
    throw error;
  }
}

function traceContainer(container: Container, trace: CallTrace): Container {
  return {
    ...container,
    netlink: traceNetlink(container.netlink, trace, true),
    within: (run) => container.within((sysctls) => run(traceSysctls(sysctls, trace, true))),
  };
}

function traceSysctls(sysctls: Sysctls, trace: CallTrace, inside: boolean): Sysctls {
  const open = (action: string) => trace.open({ phase: "sysctls", kind: "sysctl", action, inside });
  return {
    read: (path) => open(`read ${path}`).run(() => sysctls.read(path)),
    find: (path) => open(`read ${path}`).run(() => sysctls.find(path)),
    write: (path, value) => open(`ensure ${path} is ${value}`).run(() => sysctls.write(path, value)),
    writeUnread: (path, value) => open(`set ${path} to ${value}`).run(() => sysctls.writeUnread(path, value)),
    list: (path) => open(`list ${path}`).run(() => sysctls.list(path)),
  };
}

function traceDelegation(trace: CallTrace, start: () => Delegation): Delegation {
  const timed = <T>(run: () => T): T => {
    const end = trace.spend("ipam");
    try {
      return run();
    } finally {
      end();
    }
  };
  const { begin, result, done, abandon } = timed(start);
  return {
    begin: () => timed(begin),
    result: () => timed(result),
    done: () => timed(done),
    abandon: () => timed(abandon),
  };
}

function traceCommand({ begin, wait, abandon }: Child, step: OpenStep): Child {
  return {
    begin: () => step.run(begin),
    wait: () => {
      const exit = step.run(wait);
      if (exit.status !== 0) step.refuse({ message: describeExit(exit) });
      return exit;
    },
    abandon,
  };
}

function describeExit({ status, signal, stderr }: Exit): string {
  const said = new TextDecoder().decode(stderr).trim();
  return `${status === undefined ? `signal ${signal}` : `status ${status}`}${said === "" ? "" : `: ${said}`}`;
}
