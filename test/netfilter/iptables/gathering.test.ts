import { expect, test } from "vitest";
import { mergeInputs } from "../../../src/netfilter/iptables/gathering.ts";
import { formatInput } from "../../../src/netfilter/iptables/text.ts";

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
