import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";

const root = path.join(import.meta.dirname, "../..");
const blocks = [...fs.readFileSync(path.join(root, "README.md"), "utf8").matchAll(/^```sh\n(.*?)^```$/gms)];

/** What a block takes for granted: containers whose firewall is ours. */
const ATTACHED = "ip netns add green; NETCONFPATH=conf/nerdctl cnictl add bridge /run/netns/green";
const BEFORE: Readonly<Record<string, string>> = { "nft add rule inet cni_firewall": ATTACHED };

/** A machine that has nothing of ours. npm writes down what it is asked for, and sudo is for somebody who may everything. */
const PREPARE = `
for folder in /etc /opt /run /var/lib; do mount -t tmpfs tmpfs $folder; done
printf '#!/bin/sh\\nexec "$@"\\n' > tools/sudo
printf '#!/bin/sh\\necho "$*" >> npm-calls\\n' > tools/npm
chmod +x tools/*
PATH=$PWD/tools:$PATH
`;

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

it("README.md's shell blocks work as they stand, one after the other", () => {
  const clone = path.join(lab.dir, "clone");
  for (const folder of ["tools", "dist"]) fs.mkdirSync(path.join(clone, folder), { recursive: true });
  fs.symlinkSync(path.join(root, "conf"), path.join(clone, "conf"));
  fs.symlinkSync(binDir, path.join(clone, "dist/bin"));
  const pasted = blocks.map(([, block = ""]) => {
    const [, before = ""] = Object.entries(BEFORE).find(([start]) => block.startsWith(start)) ?? [];
    return `${before}\n${block}`;
  });
  const script = `cd ${clone}\n${PREPARE}\n${pasted.join("\n")}`;
  const { status, stdout, stderr } = lab.try(["unshare", "--mount", "sh", "-exc", script]);
  expect(status, `${stdout}${stderr}`).toBe(0);
  // npm's own work is that of \`npm run test:fresh\`; that there is such work is this test's.
  const asked = fs.readFileSync(path.join(clone, "npm-calls"), "utf8").trimEnd().split("\n");
  expect(asked).toEqual(["run demo", "test", "ci", "run build"]);
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["demo", "test", "build"]));
});
