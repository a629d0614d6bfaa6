import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { netConf, prefix, text } from "../../src/cni/fields.ts";
import { parseForRemoval, parseRequest } from "../../src/cni/parse-request.ts";
import * as readers from "../../src/cni/scalars.ts";
import { compileSchema } from "../../src/cni/schema-compiler.ts";
import { addRequest } from "../plugins/request.ts";

function written() {
  const entry = z.object({ subnet: z.optional(prefix()) });
  return z.extend(netConf(), {
    isGateway: z.optional(z.boolean()),
    ipam: z.optional(z.object({ type: z.optional(text()), ranges: z.optional(z.array(z.array(entry))) })),
  });
}

/** The same schema as the build compiles it. */
const compiled = Object.assign(() => written(), {
  accept: new Function(...Object.keys(readers), `return ${compileSchema(written(), readers)}`)(
    ...Object.values(readers),
  ),
});

/** What an ADD logs. */
function logged(
  schema: typeof written,
  json: object,
  { within = "", command = "ADD" as const } = {},
): readonly string[] {
  const lines: string[] = [];
  const config = { cniVersion: "1.1.0", name: "net1", type: "x", ...json };
  const request = { ...addRequest(config), command, log: (line: string) => lines.push(line) };
  try {
    parseRequest(schema, request, { within });
  } catch {
    // A value is invalid, too.
  }
  return lines;
}

describe.each([
  ["compiled", compiled],
  ["as written", written],
])("parseRequest() with a schema %s", (_, schema) => {
  const line = (key: string, near: string) =>
    `Key "${key}" of network "net1" is unknown and ignored: did you mean "${near}"?`;

  it.each([
    [{ isGatway: true }, line("isGatway", "isGateway")],
    [{ ISGATWAY: true }, line("ISGATWAY", "isGateway")],
    [{ isGatewya: true }, line("isGatewya", "isGateway")],
    [{ capabilites: {} }, line("capabilites", "capabilities")],
    [{ dns: { nameserver: [] } }, line("dns.nameserver", "nameservers")],
    [{ isGatway: true, isGateway: "yes" }, line("isGatway", "isGateway")],
  ])("ADD logs the key that is misspelt in %j", (json, expected) => {
    expect(logged(schema, json)).toEqual([expected]);
  });

  it.each([
    {},
    { isGateway: true, ISGATEWAY: true, isgateway: false },
    { comment: "x", _isGateway: "a long way off" },
    { capabilities: {}, prevResult: {}, runtimeConfig: { isGatway: true }, args: { cni: {} } },
    { ipam: { typ: "x", ranges: [[{ subnett: "10.1.0.0/16" }]] } },
  ])("ADD logs nothing for %j: keys of others, of another case, or far from any", (json) => {
    expect(logged(schema, json)).toEqual([]);
  });

  it("an IPAM plugin logs the keys of `ipam` alone, and no verb but ADD logs any", () => {
    const json = {
      isGatway: true,
      ipam: { type: "x", ranges: [[{ subnett: "10.1.0.0/16" }, { subnet: "10.1.0.0/16" }]] },
    };
    expect(logged(schema, json, { within: "ipam" })).toEqual([line("ipam.ranges[][].subnett", "subnet")]);
    expect(logged(schema, json, { command: "CHECK" as "ADD" })).toEqual([]);
  });
});

describe("parseForRemoval()", () => {
  const schema = () => z.object({ folder: text() });
  const read = (command: "DEL" | "GC", folder: unknown) => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    return { found: parseForRemoval(schema, { command, config: { folder }, log })?.folder, lines };
  };

  it("reads what is valid", () => {
    expect(read("DEL", "/run/x")).toEqual({ found: "/run/x", lines: [] });
  });

  it("logs what ADD refuses, and DEL goes on without it", () => {
    const lines = ["Cannot use folder 7: must be a string. ADD refuses this, so DEL goes on without it"];
    expect(read("DEL", 7)).toEqual({ found: undefined, lines });
  });

  it("refuses it for GC", () => {
    expect(() => read("GC", 7)).toThrow("Cannot use folder 7: must be a string");
  });
});
