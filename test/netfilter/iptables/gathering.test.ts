import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { mergeInputs, RestoreGathering } from "../../../src/netfilter/iptables/gathering.ts";
import { formatInput } from "../../../src/netfilter/iptables/text.ts";
import { invocationFor } from "../../../src/netfilter/iptables/tool.ts";

const tools = fs.mkdtempSync(path.join(os.tmpdir(), "gathering-"));
for (const name of ["iptables-restore", "ip6tables-restore"])
  fs.writeFileSync(path.join(tools, name), "", { mode: 0o755 });
afterAll(() => fs.rmSync(tools, { recursive: true }));

test("apply() runs one command for each family and variant, with the lines of all", () => {
  const started: string[] = [];
  const invocation = invocationFor({
    environment: { PATH: tools },
    launch: (executable, { stdin }) => {
      started.push(`${path.basename(executable)} ${new TextDecoder().decode(stdin)}`);
      const nothing = new Uint8Array();
      return {
        begin: () => {},
        abandon: () => {},
        wait: () => ({ status: 0, signal: undefined, stdout: nothing, stderr: nothing }),
      };
    },
    restores: undefined,
  });
  const gathering = new RestoreGathering();
  gathering.apply();
  expect(started).toEqual([]);
  const hold = (family: 4 | 6, line: string) =>
    gathering.hold({ family, input: formatInput([line]), invocation, variant: undefined });
  hold(4, "-N ONE");
  hold(6, "-N SIX");
  hold(4, "-N TWO");
  gathering.apply();
  expect(started).toEqual([
    `iptables-restore ${formatInput(["-N ONE", "-N TWO"])}`,
    `ip6tables-restore ${formatInput(["-N SIX"])}`,
  ]);
});

test("mergeInputs() makes one transaction of each table, with the lines of all inputs in their order", () => {
  const inputs = [
    formatInput(["-N SHARED", "-N ONE", "-A SHARED -j ONE"]),
    formatInput(["-A PREROUTING -j DROP"], "raw"),
    formatInput(["-N SHARED", "-N TWO", "-A SHARED -j TWO"]),
  ];
  expect(mergeInputs(inputs)).toBe(
    `*nat
-N SHARED
-N ONE
-A SHARED -j ONE
-N TWO
-A SHARED -j TWO
COMMIT
*raw
-A PREROUTING -j DROP
COMMIT
`,
  );
});

test("mergeInputs() keeps a line that one input has twice: it deletes two rules", () => {
  const twice = ["-D CHAIN -j ONE", "-D CHAIN -j ONE"];
  expect(mergeInputs([formatInput(twice), formatInput(["-D CHAIN -j ONE"])])).toBe(formatInput(twice));
});
