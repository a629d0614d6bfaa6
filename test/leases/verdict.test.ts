import { describe, expect, it } from "vitest";
import { judge } from "./verdict.ts";

const at = (local: string, valid_life_time: number) => ({ local, valid_life_time });

describe("judge() says what is wrong with a container", () => {
  it.each([
    ["nothing", [at("10.9.0.10", 12)], { "10.9.0.10": 112 }, []],
    ["it has no address", [], { "10.9.0.10": 112 }, ["has no address instead of 10.9.0.10"]],
    ["it has another one", [at("10.9.0.11", 12)], { "10.9.0.11": 112 }, ["has 10.9.0.11 instead of 10.9.0.10"]],
    [
      "it has two",
      [at("10.9.0.10", 12), at("10.9.0.11", 12)],
      { "10.9.0.10": 112 },
      ["has 10.9.0.10, 10.9.0.11 instead of 10.9.0.10"],
    ],
    [
      "its address has no end",
      [at("10.9.0.10", 4294967295)],
      { "10.9.0.10": 112 },
      ["has 10.9.0.10 for 4294967295 s, must be 1 to 20"],
    ],
    ["the server knows no lease", [at("10.9.0.10", 12)], {}, ["has 10.9.0.10, which the server has no lease of"]],
    [
      "the server's lease is over",
      [at("10.9.0.10", 12)],
      { "10.9.0.10": 98.5 },
      ["has 10.9.0.10, whose lease was over 1.5 s ago"],
    ],
  ])("%s", (_, addresses, leases, expected) => {
    expect(judge("10.9.0.10", { addresses, leases, now: 100 }, 20)).toEqual(expected);
  });
});
