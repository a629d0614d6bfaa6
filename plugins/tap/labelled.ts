import fs from "#fs";
import { CniError, reasonOf } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { NewTap } from "../../src/linux/tun.ts";
import { describeMissing, findExecutable } from "../../src/netfilter/executable.ts";
import type { Container, Host } from "../../src/steps/host.ts";

/** The label of the programs that this thread starts. proc_pid_attr(5) */
const NEXT_LABEL = "/proc/thread-self/attr/exec";

/** How long in ms the tool may take, and how much it may print. */
const DEADLINE_MS = 10_000;
const MOST = 1 << 16;

/** Finds the tool that makes a labelled tap. @throws CniError unsupportedField if it is missing */
export function requireTool({ environment }: Pick<Request, "environment">): string {
  const tool = findExecutable(["ip"], environment);
  if (tool !== undefined) return tool;
  const details = "install iproute2, or leave selinuxContext out";
  throw new CniError("unsupportedField", `Cannot use selinuxContext: ${describeMissing("ip")}`, { details });
}

/**
 * Makes a tap that SELinux gives a label. The kernel labels a tap like the program that makes it, and a program gets another label when it
 * starts; so the tool `ip` makes it. @throws CniError unsupportedField if the kernel does not take the label, kernelRequest if the tool
 * fails
 */
export function addLabelledTap(
  host: Host,
  { request, container, tap, context }: { request: Request; container: Container; tap: NewTap; context: string },
): void {
  const executable = requireTool(request);
  const options = { args: argumentsOf(tap), environment: {}, stdin: new Uint8Array() };
  const { status, stdout, stderr } = container.within(() =>
    withLabel(context, () => host.launch(executable, { ...options, deadline: DEADLINE_MS, maxOutput: MOST }).wait()),
  );
  if (status === 0) return;
  const said = [stderr, stdout].map((bytes) => new TextDecoder().decode(bytes).trim()).filter((text) => text !== "");
  throw new CniError(
    "kernelRequest",
    `Cannot add tap "${tap.name}": ${executable} ended with ${status}: ${said.join(" ")}`,
  );
}

function argumentsOf({ name, multiQueue, owner, group }: NewTap): readonly string[] {
  return [
    ...["tuntap", "add", "dev", name, "mode", "tap", "vnet_hdr"],
    ...(multiQueue ? ["multi_queue"] : []),
    ...(owner === undefined ? [] : ["user", `${owner}`]),
    ...(group === undefined ? [] : ["group", `${group}`]),
  ];
}

function withLabel<T>(context: string, run: () => T): T {
  try {
    fs.writeFileSync(NEXT_LABEL, context);
  } catch (error) {
    const message = `failed set socket label: ${reasonOf(error)}`;
    throw new CniError("unsupportedField", message, {
      details: "SELinux must be on and know selinuxContext",
      cause: error,
    });
  }
  try {
    return run();
  } finally {
    fs.writeFileSync(NEXT_LABEL, "");
  }
}
