import type { Build } from "./edge.ts";

/** Which build an executable is: `v2.0.0, commit abc123def456 of 2026-01-02`. Outside a clone, the version alone. */
export function nameBuild({ version, commit, date }: Pick<Build, "version" | "commit" | "date">): string {
  return `v${version}${commit === "" ? "" : `, commit ${commit} of ${date}`}`;
}
