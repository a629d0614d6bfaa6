import fs from "#fs";
import type { CniError } from "../cni/error.ts";
import { missingTypes } from "../runtime/missing-plugins.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { gatherNetworks, type ListedNetwork } from "./inventory/networks.ts";
import { findUse, formatUse, useJson } from "./inventory/use.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { nearestPlugin } from "./plugin-advice.ts";
import { networkDirectory, pluginDirectories } from "./target.ts";
import { writeJson, writeProblems, writeRows } from "./view.ts";

/** `cnictl list`: the networks of the folder and the use of their pools. */
export const list = defineCommand({
  name: "list",
  summary: "Lists the networks in the folder and the use of their addresses",
  help: [
    "One line for each file. STATE is `ok`; `shadowed` if callers use another file with the same name;",
    "`bad pool` if the addresses are not valid; `not installed` if CNI_PATH lacks a plugin; `broken` if",
    "the file cannot be used. The reasons are on standard error. USED has the leased addresses of each",
    "range set of host-local.",
  ],
  operands: [],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values }) => {
    const directory = networkDirectory(edge);
    const { networks, broken } = gatherNetworks(directory);
    const lines = networks.map((listed) => describe(edge, listed));
    const files = [...lines, ...broken.map(describeBroken)].sort((a, b) => (a.json.file < b.json.file ? -1 : 1));
    if (values.json)
      writeJson(
        edge,
        files.map((each) => each.json),
      );
    else
      writeRows(edge, { headings: HEADINGS, rows: files.map((each) => each.row), none: `no networks in ${directory}` });
    if (!values.json)
      writeProblems(
        edge,
        files.flatMap(({ problem }) => problem ?? []),
      );
    if (!fs.existsSync(directory)) writeProblems(edge, [`${directory}: the folder does not exist`]);
    return undefined;
  },
});

const HEADINGS = ["NAME", "VERSION", "PLUGINS", "SUBNETS", "USED", "STATE", "FILE"];

/** Where plugins are looked for. */
type Surroundings = Pick<Edge, "build" | "environment">;

interface Line {
  readonly row: readonly string[];
  readonly json: NetworkJson;
  readonly problem: string | undefined;
}

function describe(edge: Surroundings, { file, network, pools, shadowedBy }: ListedNetwork): Line {
  const uses = pools.flatMap(({ pools: found }) =>
    found === undefined ? [] : (findUse(found.folder, found.sets) ?? []),
  );
  const error = pools.find((each) => each.error !== undefined)?.error;
  const missing = missingTypes(pluginDirectories(edge), network);
  const [state, reason] = judge(edge, { shadowedBy, error, missing });
  const types = network.plugins.map(({ type }) => type);
  const version = network.cniVersion;
  const subnets = uses.flatMap(({ pool }) => pool.subnets);
  return {
    row: [network.name, version, types.join(","), subnets.join(","), uses.map(formatUse).join(", "), state, file],
    json: {
      name: network.name,
      file,
      version,
      state,
      plugins: types,
      pools: uses.map(useJson),
      ...(shadowedBy !== undefined && { shadowedBy }),
      ...(error !== undefined && { error }),
      ...(missing.length > 0 && { missing }),
    },
    problem: reason && `${file}: ${reason}`,
  };
}

interface Judged {
  readonly shadowedBy: string | undefined;
  readonly error: string | undefined;
  readonly missing: readonly string[];
}

/** The state of a network, and the reason if it is not as it should be. */
function judge(edge: Surroundings, { shadowedBy, error, missing }: Judged): readonly [state: string, reason?: string] {
  if (shadowedBy !== undefined) return ["shadowed", `callers use ${shadowedBy} instead`];
  if (error !== undefined) return ["bad pool", error];
  if (missing.length === 0) return ["ok"];
  const types = missing.map((type) => {
    const meant = nearestPlugin(edge, type);
    return meant === undefined ? type : `${type} (did you mean "${meant}"?)`;
  });
  return ["not installed", `no executable of ${types.join(", ")} in ${pluginDirectories(edge).join(", ")}`];
}

interface NetworkJson {
  readonly name: string;
  readonly file: string;
  readonly version: string;
  readonly state: string;
  readonly plugins: readonly string[];
  readonly pools: readonly ReturnType<typeof useJson>[];
  readonly shadowedBy?: string;
  readonly error?: string;
  /** Types of plugins without an executable. */
  readonly missing?: readonly string[];
}

function describeBroken({ file, error }: { file: string; error: CniError }): Line {
  return {
    row: ["", "", "", "", "", "broken", file],
    json: {
      name: "",
      file,
      version: "",
      state: "broken",
      plugins: [],
      pools: [],
      error: error.message,
    },
    problem: `${file}: ${error.message}`,
  };
}
