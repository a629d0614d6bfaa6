import { validateContainerId, validateIfname, validateNetworkName } from "../cni/environment.ts";
import { CniError } from "../cni/error.ts";
import { succeeds } from "../platform/outcome.ts";

/** The caller's description of an attachment, in every call: libcni's RuntimeConf. */
export interface RuntimeConf {
  readonly containerId: string;
  /** Absolute path of the network namespace; empty if it is unknown. */
  readonly netns: string;
  readonly ifname: string;
  /** CNI_ARGS, in order. */
  readonly args: readonly (readonly [string, string])[];
  /** The arguments for plugins that declare the capability. */
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
}

/**
 * Refuses names that the specification does not allow. Valid names are safe in file names. @throws CniError invalidEnvironment, or
 * invalidConfig for the network's name
 */
export function validateAttachment(network: string, attachment: Pick<RuntimeConf, "containerId" | "ifname">): void {
  validateContainerId(attachment.containerId);
  validateNetworkName(network);
  validateIfname(attachment.ifname);
}

/** Whether the network's name is a valid name of a folder or file. */
export function isNetworkName(name: string): boolean {
  return succeeds([CniError], () => validateNetworkName(name));
}

/** Whether `validateAttachment` accepts the names. */
export function isAttachment(network: string, attachment: Pick<RuntimeConf, "containerId" | "ifname">): boolean {
  return succeeds([CniError], () => validateAttachment(network, attachment));
}
