import type { CniError } from "../cni/error.ts";
import { defineCommand } from "./command.ts";
import { gatherNetworks, type ListedNetwork } from "./inventory/networks.ts";
import { findUse, formatUse, useJson } from "./inventory/use.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { formatTable } from "./table.ts";
import { networkDirectory } from "./target.ts";
import { writeJson, writeProblems } from "./view.ts";

/** `cnictl list`: the networks of the folder and the use of their pools. */
export const list = defineCommand({
  name: "list",
  summary: "Lists the networks in the folder and the use of their addresses",
  help: [
    "One line for each file. STATE is `ok`; `shadowed` if callers use another file with the same name;",
    "`bad pool` if the addresses are not valid; `broken` if the file cannot be used. The reasons are",
    "on standard error. USED has the leased addresses of each range set of host-local.",
  ],
  operands: [],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH"],
  run: (edge, { values }) => {
    const { networks, broken } = gatherNetworks(networkDirectory(edge));
    const lines = networks.map(describe);
    const files = [...lines, ...broken.map(describeBroken)].sort((a, b) => (a.json.file < b.json.file ? -1 : 1));
    if (values.json)
      writeJson(
        edge,
        files.map((each) => each.json),
      );
    else
      edge.writeOut(
        formatTable(
          ["NAME", "VERSION", "PLUGINS", "SUBNETS", "USED", "STATE", "FILE"],
          files.map((each) => each.row),
        ),
      );
    if (!values.json)
      writeProblems(
        edge,
        files.flatMap(({ problem }) => problem ?? []),
      );
    return undefined;
  },
});

interface Line {
  readonly row: readonly string[];
  readonly json: NetworkJson;
  readonly problem: string | undefined;
}

function describe({ file, network, pools, shadowedBy }: ListedNetwork): Line {
  const uses = pools.flatMap(({ pools: found }) =>
    found === undefined ? [] : (findUse(found.folder, found.sets) ?? []),
  );
  const error = pools.find((each) => each.error !== undefined)?.error;
  const state = shadowedBy !== undefined ? "shadowed" : error === undefined ? "ok" : "bad pool";
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
    },
    problem: shadowedBy === undefined ? error && `${file}: ${error}` : `${file}: callers use ${shadowedBy} instead`,
  };
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
