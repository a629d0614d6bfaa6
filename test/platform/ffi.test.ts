import { expect, test } from "vitest";
import { runOnBoth } from "./runtimes.ts";

test("openLibrary() calls C with the right errno and the right memory, and in silence, on both runtimes", async () => {
  const { node, native } = await runOnBoth("ffi-probe.ts");
  for (const { status, stdout, stderr } of [node, native]) {
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ wrongErrnos: 0, written: [1, 1, 1], isStable: true, isOffset: true });
  }
}, 120_000);
