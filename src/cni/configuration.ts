import type * as z from "zod/mini";
import type { Address } from "../ip/address.ts";
import type { Prefix } from "../ip/prefix.ts";
import type { Request } from "./request.ts";

/** What a plugin says about its configuration without serving a call. Only cnictl asks. */
export interface Configuration {
  /** Makes an interface, needs the result of a plugin before it in the list, or is called by another plugin for addresses. */
  readonly place: "interface" | "chained" | "ipam";
  readonly schema: () => z.ZodMiniType;
  /** Reads the configuration of an ADD with the plugin's own functions, and returns what it claims. @throws CniError as ADD does */
  readonly parse: (request: Request) => Claims;
}

/** What a configuration takes of the host. */
export interface Claims {
  readonly bridge?: {
    readonly name: string;
    /** 0 without VLAN. */
    readonly vlan: number;
    /** 0 for the kernel's default; undefined if it follows the uplink. */
    readonly mtu: number | undefined;
    readonly isGateway: boolean;
  };
  readonly ranges?: readonly ClaimedRange[];
}

/** A range of addresses, and the path to it in the configuration. */
export interface ClaimedRange {
  readonly path: readonly PropertyKey[];
  readonly subnet: Prefix;
  readonly gateway: Address | undefined;
}
