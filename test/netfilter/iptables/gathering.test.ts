import { expect, test } from "vitest";
import { mergeInputs, RestoreGathering } from "../../../src/netfilter/iptables/gathering.ts";
import { formatInput } from "../../../src/netfilter/iptables/text.ts";
import { installTools, stageCommands } from "./commands.ts";

const tools = installTools("iptables-restore", "ip6tables-restore");

test("RestoreGathering tells what it holds back, and runs one command for each family and variant", () => {
  const { invocation, started } = stageCommands(tools);
  const gathering = new RestoreGathering();
  gathering.apply();
  expect(started).toEqual([]);
  const hold = (family: 4 | 6, line: string) =>
    gathering.hold({ family, input: formatInput([line]), invocation, variant: undefined });
  hold(4, "-N ONE");
  hold(6, "-N SIX");
  hold(4, "-N TWO");
  expect(gathering.inputs(4)).toEqual([formatInput(["-N ONE"]), formatInput(["-N TWO"])]);
  expect(gathering.inputs(6)).toEqual([formatInput(["-N SIX"])]);
  gathering.apply();
  expect(started).toEqual([
    `iptables-restore --noflush ${formatInput(["-N ONE", "-N TWO"])}`,
    `ip6tables-restore --noflush ${formatInput(["-N SIX"])}`,
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
