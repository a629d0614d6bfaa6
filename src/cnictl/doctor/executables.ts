import path from "#path";
import { fullReasonOf } from "../../cni/error.ts";

import { askVersions } from "../../runtime/supported-versions.ts";
import { adviceForStart } from "../advice.ts";
import { type Executable, shortDigest } from "../executable.ts";
import { nearestPlugin } from "../plugin-advice.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { needsOf } from "./needs.ts";

/** How long in milliseconds a plugin may take to answer VERSION. All are asked at once. */
const DEADLINE = 5_000;

/** The executables of the plugins that the networks use. */
export const executableCheck: Check = {
  name: "executable",
  run: (examination) => {
    const types = [...new Set(examination.networks.flatMap((network) => needsOf(network).types))];
    return judgeTypes(examination, types);
  },
};

function judgeTypes(examination: Examination, types: readonly string[]): readonly Found[] {
  const asked = types.map((type) => ({ type, places: findPlaces(examination, type) }));
  const started = asked.map(({ type, places }) =>
    places[0]?.isExecutable ? startVersion(examination, type) : undefined,
  );
  return asked.flatMap(({ type, places }, index) =>
    orCannotTell(type, () => [
      ...judgeType(examination, { type, places, started: started[index] }),
      ...judgeShadows(places),
    ]),
  );
}

/** The executables of that name in the folders of CNI_PATH, the one that is used first. */
function findPlaces({ runtime, findExecutable }: Examination, name: string): readonly Executable[] {
  if (name.includes("/") || name.includes("\0")) return [];
  return runtime.path.flatMap((folder) => findExecutable(path.join(folder, name)) ?? []);
}

/** Starts VERSION of a plugin. The returned function waits for its answer. @throws CniError then, also if it cannot be started */
function startVersion({ runtime }: Examination, type: string): () => readonly string[] {
  try {
    return askVersions({ ...runtime, log: () => {} }, type, DEADLINE);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function judgeType(
  examination: Examination,
  {
    type,
    places,
    started,
  }: { type: string; places: readonly Executable[]; started: (() => readonly string[]) | undefined },
): readonly Found[] {
  const { silent, edge, networks, runtime } = examination;
  const users = networks.filter((network) => needsOf(network).types.includes(type));
  const names = users.map(({ name }) => name).join(", ");
  const [used] = places;
  const error = (message: string, cure: string): Found => ({ level: "error", subject: type, message, cure });
  if (used === undefined) {
    silent.set(type, "its executable is missing");
    const cure = cureForMissing(type, { runtime, edge });
    return [error(`no executable of that name in ${runtime.path.join(":")}, for networks ${names}`, cure)];
  }
  if (!used.isExecutable || started === undefined) {
    silent.set(type, "its file is not executable");
    return [error(`${used.file} is not executable`, `chmod +x ${used.file}`)];
  }
  try {
    const versions = started();
    const refused = users.filter(({ cniVersion }) => !versions.includes(cniVersion || "0.1.0"));
    if (refused.length === 0) {
      const message = `${used.file}, up to CNI ${versions.at(-1)}, ${shortDigest(used.digest)}${used.isGo ? ", made with Go" : ""}`;
      return [{ level: "ok", subject: type, message }];
    }
    return refused.map(({ name, cniVersion }) =>
      error(
        `${used.file} does not speak version ${cniVersion || "0.1.0"} of network ${name}, only ${versions.join(", ")}`,
        `set "cniVersion" of the list to ${versions.at(-1)}, or install a newer ${type}`,
      ),
    );
  } catch (reason) {
    silent.set(type, "it did not answer VERSION");
    const why = fullReasonOf(reason);
    const cure = adviceForStart(why) ?? `CNI_COMMAND=VERSION ${used.file} </dev/null`;
    return [error(`${used.file} does not answer VERSION: ${why}`, cure)];
  }
}

function cureForMissing(type: string, { runtime, edge }: Pick<Examination, "runtime" | "edge">): string {
  if (edge.build.names.includes(type)) return "cnictl install";
  const place = `put it into ${runtime.path[0] ?? "a folder of CNI_PATH"}, or set CNI_PATH to its folder`;
  const near = nearestPlugin(edge, type);
  return near === undefined ? place : `did you mean "${near}"? Otherwise ${place}`;
}

/** Executables of one name further on in CNI_PATH, which nobody runs. */
function judgeShadows([used, ...others]: readonly Executable[]): readonly Found[] {
  return others
    .filter(({ identity, digest }) => identity !== used?.identity && digest !== used?.digest)
    .map(({ name, file }) => ({
      level: "note",
      subject: name,
      message: `${used?.file} is used, ${file} is another file and is not`,
    }));
}
