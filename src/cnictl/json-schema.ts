import network from "../../schema/network.json" with { type: "json" };
import { CniError } from "../cni/error.ts";
import { isObject } from "../cni/json.ts";
import { findNearest } from "../cni/nearest.ts";
import { defineCommand } from "./command.ts";

/** `cnictl schema`: prints the JSON Schema of network lists, or of one plugin's object. */
export const schema = defineCommand({
  name: "schema",
  summary: "Prints the JSON Schema of network lists, for editors",
  help: [
    "Prints the JSON Schema (draft 7) of a network list, or of the object of one plugin. An editor that",
    "has it completes keys and marks those that no plugin reads. That of host-local is for `ipam`.",
  ],
  operands: [{ name: "plugin", completion: "plugin" }],
  options: {},
  environment: [],
  run: (edge, { operands }) => {
    const [name] = operands;
    const printed = name === undefined ? network : pluginSchema(network, name);
    edge.writeOut(`${JSON.stringify(printed, null, 2)}\n`);
    return undefined;
  },
});

/** The schema of one plugin's object, from the definitions of a list's. @throws CniError invalidConfig for an unknown plugin */
export function pluginSchema(list: unknown, name: string): unknown {
  const { $schema, definitions } = isObject(list) ? list : {};
  if (!isObject(definitions)) throw new TypeError("Cannot use the schema of lists: it has no definitions");
  const names = Object.keys(definitions).filter((each) => !SHARED.includes(each));
  if (!names.includes(name)) throw unknownPlugin(name, names);
  const definition = definitions[name];
  const needed = neededBy(definition, definitions);
  const others = Object.fromEntries(Object.entries(definitions).filter(([each]) => needed.has(each)));
  const rest = needed.size === 0 ? {} : { definitions: others };
  return { $schema, ...(isObject(definition) ? definition : {}), ...rest };
}

/** The definitions that are not of a plugin. */
const SHARED = ["plugin", "ipam"];

function unknownPlugin(name: string, names: readonly string[]): CniError {
  const nearest = findNearest(name, names);
  const details = nearest === undefined ? `there are ${names.join(", ")}` : `did you mean "${nearest}"?`;
  return new CniError("invalidConfig", `no schema of a plugin ${JSON.stringify(name)}`, { details });
}

/** The names of the definitions that a part of a schema refers to, directly or not. */
function neededBy(part: unknown, definitions: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [part];
  for (const each of queue) {
    for (const [, name = ""] of JSON.stringify(each).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      queue.push(definitions[name]);
    }
  }
  return found;
}
