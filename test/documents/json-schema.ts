// The JSON Schema of network lists, for editors: from the plugins' zod schemas, and the tables of fields on their pages.
import path from "node:path";
import * as z from "zod/mini";
import type { Configuration } from "../../src/cni/configuration.ts";
import * as scalars from "../../src/cni/scalars.ts";
import { SPEC_VERSIONS } from "../../src/cni/version.ts";
import { pluginSchema } from "../../src/cnictl/json-schema.ts";
import { PLUGINS, root } from "../repository/tree.ts";
import { fieldsOf } from "./fields.ts";

type Schema = z.core.JSONSchema.JSONSchema;

const DIALECT = "http://json-schema.org/draft-07/schema#";

/** Keys that `cnictl validate` takes for comments. */
const COMMENTS = { "^(_|#|//)": {} };

/** Members that several plugins read: what else is in them is somebody else's. */
const SHARED = ["args", "args.cni", "runtimeConfig", "ipam"];

/** What a text looks like that a reader takes. It lets pass what only the reader can refuse, such as 300.1.2.3. */
export const PATTERNS: readonly (readonly [read: unknown, pattern: string])[] = [
  [scalars.readPrefix, "^[0-9A-Fa-f:.]+/[0-9]+$"],
  [scalars.readPrefixText, "^[0-9A-Fa-f:.]+/[0-9]+$"],
  [scalars.readAddress, "^[0-9A-Fa-f:.]*$"],
  [scalars.readMac, "^[0-9A-Fa-f:.-]*$"],
  [scalars.readInterfaceMac, "^[0-9A-Fa-f:.-]*$"],
  [scalars.readAbsolutePath, "^(/.*)?$"],
];

/** A boolean, or its word in any case. */
const FLAG: Schema = {
  anyOf: [{ type: "boolean" }, { type: "string", pattern: "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$" }],
};

/** Every file of the folder `schema`, by name. */
export async function makeSchemas(): Promise<Readonly<Record<string, string>>> {
  const network = await makeNetworkSchema();
  const names = PLUGINS.map((name) => [`${name}.json`, formatSchema(pluginSchema(network, name))]);
  return { "network.json": formatSchema(network), ...Object.fromEntries(names) };
}

function formatSchema(schema: unknown): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The schema of a list, with a definition for each plugin. */
async function makeNetworkSchema(): Promise<Schema> {
  const configurations = new Map<string, Configuration>();
  for (const name of PLUGINS) {
    const module: { configuration: () => Configuration } = await import(
      path.join(root, `plugins/${name}/configuration.ts`)
    );
    configurations.set(name, module.configuration());
  }
  const inLists = PLUGINS.filter((name) => configurations.get(name)?.place !== "ipam");
  const version = { enum: [...SPEC_VERSIONS], description: "The version of the CNI specification." };
  return {
    $schema: DIALECT,
    title: "CNI network list",
    type: "object",
    properties: {
      cniVersion: version,
      cniVersions: {
        type: "array",
        items: version,
        description: "Further versions. The newest that the runtime knows is used.",
      },
      name: { type: "string", pattern: "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", description: "The name of the network." },
      disableCheck: { ...FLAG, description: "Runtimes do not call CHECK." },
      disableGC: { ...FLAG, description: "Runtimes do not call GC." },
      loadOnlyInlinedPlugins: { ...FLAG, description: "Ignores plugins in the folder of the network's name." },
      plugins: { type: "array", minItems: 1, items: { $ref: "#/definitions/plugin" } },
    },
    required: ["name"],
    definitions: {
      plugin: {
        type: "object",
        properties: { type: { type: "string", description: "The name of the executable.", examples: inLists } },
        required: ["type"],
        allOf: inLists.map((name) => chooseBy(name)),
      },
      ipam: {
        type: "object",
        properties: { type: { type: "string", description: "The IPAM plugin.", examples: ["host-local"] } },
        allOf: PLUGINS.filter((name) => !inLists.includes(name)).map((name) => chooseBy(name)),
      },
      ...Object.fromEntries([...configurations].map((each) => [each[0], definePlugin(...each)])),
    },
  };
}

function chooseBy(name: string): Schema {
  return {
    if: { properties: { type: { const: name } }, required: ["type"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { $ref: `#/definitions/${name}` },
  };
}

/** The definition of a plugin's object; of an IPAM plugin, of the `ipam` that it reads. */
function definePlugin(name: string, { place, schema }: Configuration): Schema {
  const whole = describe(convert(schema()), { at: "", fields: fieldsOf(`plugins/${name}/README.md`) });
  if (place === "ipam") {
    const ipam = whole.properties?.["ipam"];
    if (typeof ipam !== "object") throw new Error(`${name} is an IPAM plugin and reads no "ipam"`);
    return { ...ipam, additionalProperties: false, patternProperties: COMMENTS };
  }
  const common = {
    type: { const: name },
    capabilities: {
      type: "object",
      additionalProperties: { type: "boolean" },
      description: "The arguments that the plugin takes from the runtime.",
    },
    prevResult: { type: "object" },
    args: whole.properties?.["args"] ?? { type: "object" },
    runtimeConfig: whole.properties?.["runtimeConfig"] ?? { type: "object" },
    ...(place === "interface" ? { ipam: { $ref: "#/definitions/ipam" } } : {}),
  } as const;
  const { required: _, ...rest } = whole;
  return { title: `The plugin ${name}`, ...rest, properties: { ...whole.properties, ...common } };
}

/** The JSON Schema of a zod schema's input, with the look of the texts that its readers take. */
function convert(schema: z.ZodMiniType): Schema {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, {
    target: "draft-07",
    io: "input",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type !== "pipe") return;
      const to = (def.out as z.core.$ZodTypes)._zod.def;
      const read: unknown = to.type === "transform" && "read" in to.transform ? to.transform.read : undefined;
      const pattern = PATTERNS.find(([reader]) => reader === read)?.[1];
      if (pattern !== undefined) jsonSchema.pattern = pattern;
    },
  });
  return converted;
}

interface Described {
  readonly at: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** The schema with the descriptions of the page, closed to keys that nobody reads, without the bounds that every integer has. */
function describe(schema: Schema | boolean, { at, fields }: Described): Schema {
  if (typeof schema === "boolean") throw new TypeError("Cannot describe a schema that takes everything or nothing");
  const { minimum, maximum, properties, items, additionalProperties, ...rest } = schema;
  const description = fields.get(at);
  const isClosed = properties !== undefined && !SHARED.includes(at);
  return {
    ...(description === undefined ? {} : { description }),
    ...rest,
    ...(minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    ...(rest.anyOf === undefined ? {} : { anyOf: rest.anyOf.map((each) => describe(each, { at: "", fields })) }),
    ...(items === undefined || Array.isArray(items) ? {} : { items: describe(items, { at: `${at}[]`, fields }) }),
    ...(additionalProperties === undefined || properties !== undefined ? {} : { additionalProperties }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, each]) => [
              key,
              describe(each, { at: at === "" ? key : `${at}.${key}`, fields }),
            ]),
          ),
        }),
    ...(isClosed ? { patternProperties: COMMENTS, additionalProperties: false } : {}),
  };
}
