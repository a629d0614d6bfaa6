import type { Interface, Result } from "../cni/result.ts";
import type { LinkBrief } from "../netlink/link/brief.ts";

/** A link as a result reports it. With `sandbox`, the path of a network namespace, it is a container's interface. */
export function reportLink({ name, mac, mtu }: LinkBrief, sandbox?: string): Interface {
  return { name, mac, mtu, ...(sandbox === undefined ? {} : { sandbox }) };
}

/** The host interface of that name in a result; undefined if the result does not report it. */
export function findReported({ interfaces }: Result, name: string | undefined): Interface | undefined {
  return interfaces.find((each) => each.name === name && each.sandbox === undefined);
}

/** The container's interface of that name in a result, in whatever namespace; undefined if the result does not report it. */
export function findReportedInside({ interfaces }: Result, name: string): Interface | undefined {
  return interfaces.find((each) => each.name === name && each.sandbox !== undefined);
}
