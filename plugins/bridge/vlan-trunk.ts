import { CniError } from "../../src/cni/error.ts";
import { MAX_VLAN } from "./vlan-id.ts";

/** An entry of `vlanTrunk`: one VLAN, a range of them (both ends included), or both. */
export interface TrunkEntry {
  readonly id?: number | undefined;
  readonly minID?: number | undefined;
  readonly maxID?: number | undefined;
}

/** The IDs of a trunk's VLANs, in ascending order, each once. @throws CniError invalidConfig in the reference's words */
export function expandTrunk(entries: readonly TrunkEntry[]): readonly number[] {
  const ids = new Set(entries.flatMap((entry) => [...expandRange(entry), ...expandId(entry)]));
  return [...ids].sort((a, b) => a - b);
}

function expandRange({ minID, maxID }: TrunkEntry): number[] {
  if (minID === undefined && maxID === undefined) return [];
  const both = "minID and maxID should be configured simultaneously";
  if (minID === undefined) return refuse(`${both}, minID is missing`, `maxID ${maxID}`);
  if (maxID === undefined) return refuse(`${both}, maxID is missing`, `minID ${minID}`);
  if (!isVlan(minID)) refuse("incorrect trunk minID parameter", `minID ${minID}, must be 1 to ${MAX_VLAN}`);
  if (!isVlan(maxID)) refuse("incorrect trunk maxID parameter", `maxID ${maxID}, must be 1 to ${MAX_VLAN}`);
  if (maxID < minID) refuse("minID is greater than maxID in trunk parameter", `minID ${minID}, maxID ${maxID}`);
  return Array.from({ length: maxID - minID + 1 }, (_, offset) => minID + offset);
}

function expandId({ id }: TrunkEntry): number[] {
  if (id === undefined) return [];
  if (!isVlan(id)) refuse("incorrect trunk id parameter", `id ${id}, must be 1 to ${MAX_VLAN}`);
  return [id];
}

function isVlan(id: number): boolean {
  return id >= 1 && id <= MAX_VLAN;
}

function refuse(message: string, found: string): never {
  throw new CniError("invalidConfig", message, { details: `found in vlanTrunk: ${found}` });
}
