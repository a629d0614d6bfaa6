import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { binDir, type Lab } from "../lab.ts";
import type { Block } from "./blocks.ts";

const root = path.join(import.meta.dirname, "../..");

/**
 * A host that has nothing of ours. npm writes down what it is asked for, sudo is for somebody who may do everything, and systemctl takes
 * the units that are in their folder.
 */
const EMPTY_HOST = `
cp /etc/passwd /etc/group tools
for folder in /etc /opt /run /var/lib; do mount -t tmpfs tmpfs $folder; done
mv tools/passwd tools/group /etc
printf '#!/bin/sh\\nexec "$@"\\n' > tools/sudo
printf '#!/bin/sh\\necho "$*" >> npm-calls\\n' > tools/npm
mkdir -p /etc/systemd/system
printf '#!/bin/sh\\n[ "$1" != enable ] || test -f "/etc/systemd/system/$3"\\n' > tools/systemctl
chmod +x tools/*
PATH=$PWD/tools:$PATH
`;

/** What README.md's "Install" does, which the other documents take for granted. */
const INSTALL = `
dist/bin/cnictl install --dir /opt/cni/bin
mkdir -p /etc/cni/net.d
cp conf/10-bridge.conflist /etc/cni/net.d/
`;

/** What differs from run to run: hardware addresses, names of veths, times. */
function withoutChance(text: string): string {
  return text
    .replaceAll(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, "MAC")
    .replaceAll(/\bfe80::[0-9a-f:]+/g, "fe80::")
    .replaceAll(/\bveth[0-9a-f]{8}\b/g, "veth")
    .replaceAll(/\b(time|ttl)[ =]?\S+( ?ms)?/g, "$1")
    .replaceAll(/[ \t\r]+$/gm, "")
    .trim();
}

/** JSON by what it means, text letter by letter. */
export function meaning(text: string): unknown {
  const said = withoutChance(text);
  return said.startsWith("{") ? JSON.parse(said) : said;
}

/** Pastes the blocks of a document one after the other. */
export function paste(lab: Lab, file: string, blocks: readonly Block[]) {
  const clone = path.join(lab.dir, "clone");
  for (const folder of ["tools", "dist"]) fs.mkdirSync(path.join(clone, folder), { recursive: true });
  fs.symlinkSync(path.join(root, "conf"), path.join(clone, "conf"));
  fs.symlinkSync(binDir, path.join(clone, "dist/bin"));
  const output = (index: number) => path.join(clone, `printed-${index}`);
  const pasted = blocks.map(({ script }, index) => `{\n${script}\n} > ${output(index)}`);
  const before = file === "README.md" ? "" : INSTALL;
  const whole = `cd ${clone}\n${EMPTY_HOST}\n${before}\n${pasted.join("\n")}`;
  const { status, stdout, stderr } = lab.try(["unshare", "--mount", "sh", "-exc", whole]);
  expect(status, `${stdout}${stderr}`).toBe(0);
  const npmCalls = path.join(clone, "npm-calls");
  return {
    printed: blocks.map((_, index) => fs.readFileSync(output(index), "utf8")),
    npm: fs.existsSync(npmCalls) ? fs.readFileSync(npmCalls, "utf8").trimEnd().split("\n") : [],
  };
}
