import { describe, expect, it } from "vitest";
import { restrict, SCENARIOS } from "./scenario.ts";

describe("restrict", () => {
  it("leaves those without a place out, and compares with none of them", () => {
    const podman = SCENARIOS.find(({ title }) => title === "podman's list, two tcp ports");
    const names = (origins: readonly (readonly ["reference" | "dist/bin" | "netavark", string])[]) => {
      const { contenders, references } = restrict(podman ?? Object(), new Map(origins));
      return { contenders: contenders.map(({ name }) => name), references };
    };
    const bin = ["dist/bin", "/bin"] as const;
    expect(names([bin])).toEqual({ contenders: ["dist/bin"], references: [] });
    expect(names([bin, ["netavark", "/netavark"]])).toEqual({
      contenders: ["netavark", "dist/bin"],
      references: ["netavark"],
    });
    expect(names([bin, ["reference", "/opt"], ["netavark", "/netavark"]]).references).toEqual([
      "reference",
      "netavark",
    ]);
  });
});
