import { type NetworkNotFound, notFound } from "../../runtime/load.ts";
import type { Edge } from "../edge.ts";
import { networkDirectory } from "../target.ts";
import type { NetworkFolder } from "./networks.ts";

/** The error for a name that no network list of the folder has. */
export function networkNotFound(
  edge: Pick<Edge, "environment">,
  { networks, broken }: NetworkFolder,
  name: string,
): NetworkNotFound {
  const found = networks.map(({ network }) => network.name);
  return notFound({ name, directory: networkDirectory(edge), found, broken });
}
