import { type CniError, ERROR_CODES } from "../cni/error.ts";
import { AddFailed } from "../runtime/chain.ts";
import { NetworkNotFound } from "../runtime/load.ts";
import type { Network } from "../runtime/network.ts";
import { PluginFailed } from "../runtime/plugin-call.ts";
import { cureForDifferences } from "./difference-cures.ts";
import type { Edge } from "./edge.ts";
import { adviceForNetwork } from "./network-advice.ts";
import { adviceForMissing, adviceForOutput } from "./plugin-advice.ts";

/** The next step for an error, if it is known. */
export function adviceFor(edge: Edge, error: CniError): string | undefined {
  const failed = findFailed(error);
  const known = adviceForText(edge, `${error.message}; ${error.details}`, failed);
  if (known !== undefined) return known;
  if (error instanceof NetworkNotFound) return adviceForNetwork(error);
  return withUndoing(edge, error, adviceForCode(error, { undo: undoOf(edge), network: failed?.network }));
}

/** The next step if a message says that this user may not do something. */
export function adviceForPermission(message: string): string | undefined {
  if (!/EPERM|EACCES|permission denied|operation not permitted/i.test(message)) return undefined;
  return "run it as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN, and for DHCP with CAP_NET_RAW";
}

function adviceForText(edge: Edge, text: string, failed: PluginFailed | undefined): string | undefined {
  const missing = adviceForMissing(edge, text);
  if (missing !== undefined) return missing;
  if (failed !== undefined && /failed to unmarshal raw result/.test(text))
    return adviceForOutput(edge, failed.plugin.type);
  if (/netns and netns from CNI_NETNS should not be the same/.test(text))
    return "this is the host's own namespace: name the container's, such as /run/netns/<name> of `ip netns list`";
  if (/unknown args \["/.test(text))
    return "begin CNI_ARGS with IgnoreUnknown=1; then each plugin skips what is for others";
  if (/cached result: it is not JSON/.test(text))
    return "the file of its result is damaged: detach it with `cnictl del`, and attach it again";
  return adviceForStart(text) ?? adviceForPermission(text);
}

/** The next step if the kernel does not start an executable. */
export function adviceForStart(text: string): string | undefined {
  const [, file, reason] = /Cannot start "([^"]+)": (Permission denied|Exec format error)/.exec(text) ?? [];
  if (file === undefined) return undefined;
  if (reason === "Exec format error")
    return `${file} is empty, damaged, or for another architecture: install it again; \`cnictl install --force\` does for plugins of this project`;
  return `chmod +x ${file}; if that is set: \`findmnt -T ${file}\` shows whether its file system is mounted noexec`;
}

/** Adds that DEL removes what a failed ADD left. */
function withUndoing(edge: Edge, error: CniError, known: string | undefined): string | undefined {
  const undo = undoOf(edge);
  if (!(error instanceof AddFailed) || known?.includes(undo)) return known;
  const undoing = `${undo} removes what may be left of it`;
  if (error.before.length > 0) return known === undefined ? undoing : `${known}; ${undoing}`;
  // A bridge that conflicts is refused before anything is made, and the details say what helps.
  return known ?? (error.code === ERROR_CODES.bridgeConflict ? undefined : undoing);
}

/** The command that detaches what this one attaches. */
function undoOf({ args }: Edge): string {
  return `\`cnictl del ${args.slice(args[0] === "trace" ? 2 : 1).join(" ")}\``;
}

/** The failure of a network's plugin that caused an error. */
function findFailed(error: unknown): PluginFailed | undefined {
  if (error instanceof PluginFailed) return error;
  return error instanceof Error ? findFailed(error.cause) : undefined;
}

function adviceForDifferences(message: string, network: string): string {
  const cure = cureForDifferences(network, message.split("; "));
  if (cure !== `cnictl reapply ${network}`) return cure;
  return `\`${cure}\` rebuilds what others deleted on the host; if that does not help, start the container again`;
}

function adviceForCode(
  { code, message }: CniError,
  { undo, network }: { undo: string; network: Network | undefined },
): string | undefined {
  switch (code) {
    case ERROR_CODES.incompatibleVersion:
      return `set cniVersion in ${network?.file ?? "the network list"} to one that every plugin of it supports`;
    case ERROR_CODES.unsupportedField:
    case ERROR_CODES.decodingFailure:
    case ERROR_CODES.invalidConfig:
      return network && adviceForList(network);
    case ERROR_CODES.unknownContainer:
      return "`cnictl ps` lists what is attached; name a container with --container-id, another cache of results with --cache-dir";
    case ERROR_CODES.invalidNetns:
      return "use an existing network namespace, such as /run/netns/<name> of `ip netns list`";
    case ERROR_CODES.tryAgainLater:
    case ERROR_CODES.deadlineExceeded:
      return "run it again in a moment";
    case ERROR_CODES.noAddressAvailable:
      return "detach containers that are not needed, or remove stale leases: `cnictl gc <network>`";
    case ERROR_CODES.checkFailed:
      return adviceForDifferences(message, network?.name ?? "");
    case ERROR_CODES.duplicateAllocation:
    case ERROR_CODES.interfaceExists:
      return `${undo} first, or use another name with --ifname`;
    default:
      return undefined;
  }
}

/** A list from the result cache has no file. */
function adviceForList({ file }: Network): string {
  return file === undefined ? "correct the network list" : `correct ${file}: \`cnictl validate ${file}\` examines it`;
}
