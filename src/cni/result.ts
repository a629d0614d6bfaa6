import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import type { Prefix } from "../ip/prefix.ts";

/** An interface of the attachment. Without `sandbox` it is on the host. */
export interface Interface {
  readonly name: string;
  /** As the reporting plugin wrote it. */
  readonly mac?: Mac | undefined;
  readonly mtu?: number | undefined;
  /** Path of the network namespace that the interface is in. */
  readonly sandbox?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly pciID?: string | undefined;
}

/** An address of the attachment. */
export interface IpConfig {
  /** Index into the result's interfaces. */
  readonly interface?: number | undefined;
  readonly address: Prefix;
  readonly gateway?: Address | undefined;
}

/** A route. `dst` keeps its host bits, `mtu` and `advmss` are in bytes, `scope` and `table` are the kernel's numbers. */
export interface Route {
  readonly dst: Prefix;
  readonly gw?: Address | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
}

/** Resolver settings. */
export interface Dns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

/** The result of ADD, in the newest version's format. Other versions exist only as JSON text. */
export interface Result {
  readonly interfaces: readonly Interface[];
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}
