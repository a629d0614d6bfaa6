import { expect, test } from "vitest";
import { attachmentCheck, judgeChecked } from "../../../src/cnictl/doctor/attachments.ts";
import { examinationOf, wrong } from "./examinee.ts";

function judged(...texts: readonly string[]): readonly string[] {
  const differences = texts.map((text, index) => ({
    whose: `c${index + 1} eth0 (netns n${index + 1})`,
    texts: text.split("; "),
  }));
  return wrong([judgeChecked("x", { count: 9, differences })]);
}

test("judgeChecked() names each attachment that differs, and what several differ in once", () => {
  expect(judged()).toEqual([]);
  expect(judged("a", "b", "a")).toEqual([
    "error x: 3 of 9 attachments are not as ADD made them: c1 eth0 (netns n1), c3 eth0 (netns n3): a. c2 eth0 (netns n2): b | cnictl reapply x",
  ]);
  expect(judged("a; b; d", "a; b; e")).toEqual([
    "error x: 2 of 9 attachments are not as ADD made them: c1 eth0 (netns n1), c2 eth0 (netns n2): a; b. c1 eth0 (netns n1): d. c2 eth0 (netns n2): e | cnictl reapply x",
  ]);
});

test("judgeChecked() names five, and counts the others", () => {
  expect(judged("a", "a", "a", "a", "a", "a", "b")).toEqual([
    "error x: 7 of 9 attachments are not as ADD made them: c1 eth0 (netns n1), c2 eth0 (netns n2), c3 eth0 (netns n3), c4 eth0 (netns n4), c5 eth0 (netns n5): a. And 2 more | cnictl reapply x",
  ]);
});

test("attachments whose CHECK would wait for a lock are what cannot be told", () => {
  const examination = examinationOf([], { locked: new Map([["x", "/l/x/lock"]]) });
  expect(wrong(attachmentCheck.run(examination))).toEqual([
    "warning x: cannot tell: CHECK waits for the lock /l/x/lock",
  ]);
});

test("judgeChecked() sends nobody to reapply for what is missing inside a container", () => {
  const restart =
    "start the containers again whose interface, addresses or routes differ: nothing rebuilds what is inside a container";
  expect(judged("Route 0.0.0.0/0 is missing")[0]).toMatch(new RegExp(`\\| ${restart}$`));
  expect(judged('Interface "eth0" in /run/netns/c is missing')[0]).toMatch(new RegExp(`\\| ${restart}$`));
  expect(judged("Route 0.0.0.0/0 is missing; a")[0]).toMatch(new RegExp(`\\| cnictl reapply x; ${restart}$`));
});

test("judgeChecked() calls nothing unchanged if no plugin could be asked", () => {
  expect(judgeChecked("x", { count: 0, differences: [] }).message).toBe("no attachment could be checked");
});
