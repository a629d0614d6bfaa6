import type { Sandbox } from "../runtimes/sandbox.ts";

const FILE = "/etc/runc-without-limits";

/** Puts a runc on a node that does not do what a root without every capability may not: a score below zero, and limits. Returns its place. */
export function writeRunc(node: Sandbox): string {
  node.write(FILE, SCRIPT);
  node.run(["chmod", "755", FILE]);
  return FILE;
}

const SCRIPT = `#!/bin/bash
previous=
for word; do
  if [ "$previous" = --bundle ] || [ "$previous" = -b ]; then
    sed -i -E 's/"oomScoreAdj": ?-?[0-9]+/"oomScoreAdj":0/; s/"rlimits": ?\\[[^]]*\\]/"rlimits":[]/' "$word/config.json"
  fi
  previous=$word
done
exec runc "$@"
`;
