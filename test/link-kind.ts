import { spawnSync } from "node:child_process";

/** Whether the kernel has links of a kind. One that has asks for more than the kind; `ip` says which kinds are unknown. */
export function kernelHasKind(kind: string): boolean {
  const { stderr } = spawnSync("unshare", ["--net", "ip", "link", "add", "name", "test1", "type", kind], {
    encoding: "utf8",
  });
  return !stderr.includes("Unknown device type");
}
