import { CniError } from "../../src/cni/error.ts";
import { MAX_VLAN } from "./vlan-id.ts";

/** An entry of `vlanTrunk`: one VLAN, a range of them (both ends included), or both. */
export interface TrunkEntry {
  readonly id?: number | undefined;
  readonly minID?: number | undefined;
  readonly maxID?: number | undefined;
}

/** The VLAN IDs of a trunk, in ascending order without duplicates. @throws CniError invalidConfig in the reference's words */
export function expandTrunk(entries: readonly TrunkEntry[]): readonly number[] {
  const ends = new Map<number, number>();
  for (const entry of entries) {
    for (const { first, last } of [...readRange(entry), ...readId(entry)]) {
      ends.set(first, Math.max(last, ends.get(first) ?? 0));
    }
  }
  const ids: number[] = [];
  for (let id = 1, end = 0; id <= MAX_VLAN; id++) {
    end = Math.max(end, ends.get(id) ?? 0);
    if (id <= end) ids.push(id);
  }
  return ids;
}

/** A run of consecutive VLAN IDs. */
interface Span {
  readonly first: number;
  readonly last: number;
}

function readRange({ minID, maxID }: TrunkEntry): readonly Span[] {
  if (minID === undefined && maxID === undefined) return [];
  const both = "minID and maxID should be configured simultaneously";
  if (minID === undefined) return refuse(`${both}, minID is missing`, `maxID ${maxID}`);
  if (maxID === undefined) return refuse(`${both}, maxID is missing`, `minID ${minID}`);
  if (!isVlan(minID)) refuse("incorrect trunk minID parameter", `minID ${minID}, must be 1 to ${MAX_VLAN}`);
  if (!isVlan(maxID)) refuse("incorrect trunk maxID parameter", `maxID ${maxID}, must be 1 to ${MAX_VLAN}`);
  if (maxID < minID) refuse("minID is greater than maxID in trunk parameter", `minID ${minID}, maxID ${maxID}`);
  return [{ first: minID, last: maxID }];
}

function readId({ id }: TrunkEntry): readonly Span[] {
  if (id === undefined) return [];
  if (!isVlan(id)) refuse("incorrect trunk id parameter", `id ${id}, must be 1 to ${MAX_VLAN}`);
  return [{ first: id, last: id }];
}

function isVlan(id: number): boolean {
  return id >= 1 && id <= MAX_VLAN;
}

function refuse(message: string, found: string): never {
  throw new CniError("invalidConfig", message, { details: `found in vlanTrunk: ${found}` });
}
