import fs from "node:fs";
import { expect, it } from "vitest";
import { asIoFailure } from "../../src/runtime/refusal.ts";

it("asIoFailure() returns what the act returns", () => {
  expect(asIoFailure("Cannot read it", () => 7)).toBe(7);
});

it("asIoFailure() refuses an error of a file with its context, and keeps it as the cause", () => {
  const read = () => asIoFailure("Cannot read it", () => fs.readFileSync("/nonexistent"));

  expect(read).toThrow(
    expect.objectContaining({
      code: 5,
      message: expect.stringMatching(/^Cannot read it: .*ENOENT/),
      cause: expect.objectContaining({ code: "ENOENT" }),
    }),
  );
});
