import { findNearest } from "../../cni/nearest.ts";
import { walkSchema } from "../../cni/schema-walk.ts";
import { findMisspelt, findUnknownKeys } from "../../cni/unknown-key.ts";
import type { Report } from "./finding.ts";
import { reportUnknown } from "./list-keys.ts";
import type { Described, Subject } from "./plugin.ts";

/** Reports the keys of a plugin's object, and of its `ipam`, that neither plugin reads. What another's plugin may read is not reported. */
export function examinePluginKeys({ placed, own, ipamType, ipam }: Subject, report: Report): void {
  const { document, path, config } = placed;
  const unknown =
    own === undefined
      ? []
      : findUnknownKeys(own.schema(), config.json).filter(({ place, key }) => !isForeign(place, key));
  const toIpam = ipam === undefined ? [] : findUnknownKeys(ipam.schema(), config.json);
  const found = unknown.flatMap((each) => {
    if (!isShared(each.place)) return [each];
    // Both plugins read these members, and nobody knows what a foreign one reads.
    const twin = toIpam.find(({ place, key }) => place === each.place && key === each.key);
    if (ipamType === undefined) return [each];
    return twin === undefined ? [] : [{ ...each, known: [...each.known, ...twin.known] }];
  });
  for (const each of [...found, ...toIpam.filter(({ place }) => isWithin(place, "ipam"))]) {
    const near = findMisspelt(each.key, each.known);
    reportUnknown(document, { path: [...path, ...each.path], key: each.key, near }, report);
  }
}

/**
 * Reports capabilities that a plugin declares and neither it nor its IPAM plugin takes. One that is close to a known one is an error: what
 * the runtime asks for is lost.
 */
export function examineCapabilities(subject: Subject, plugins: Described, report: Report): void {
  const { placed, own, ipamType, ipam } = subject;
  if (own === undefined || (ipamType !== undefined && ipam === undefined)) return;
  const taken = [...capabilitiesOf(own.schema()), ...(ipam === undefined ? [] : capabilitiesOf(ipam.schema()))];
  for (const capability of placed.config.capabilities) {
    if (taken.includes(capability)) continue;
    const takers = Object.keys(plugins).filter((name) => {
      const configuration = plugins[name]?.configuration?.();
      return configuration !== undefined && capabilitiesOf(configuration.schema()).includes(capability);
    });
    const near = findNearest(capability, taken);
    const hint = near !== undefined ? `did you mean "${near}"?` : describeTakers(takers);
    const path = [...placed.path, "capabilities", capability];
    report(placed.document, near === undefined ? "warning" : "error", {
      path,
      message: `${placed.config.type} takes no such capability`,
      hint,
      atKey: true,
    });
  }
}

/** Reports a `portmap` that gets no ports: runtimes give them to a plugin with the capability alone. */
export function examinePublishing({ placed: { document, path, config } }: Subject, report: Report): void {
  const { type, capabilities, json } = config;
  if (type !== "portmap" || capabilities.includes("portMappings") || Object.hasOwn(json, "runtimeConfig")) return;
  const message = "portmap publishes no ports: runtimes give them only to a plugin that declares the capability";
  const hint = 'add "capabilities": { "portMappings": true }';
  report(document, "warning", { path: [...path, "type"], message, hint });
}

function describeTakers(takers: readonly string[]): string | undefined {
  return takers.length === 0 ? undefined : `declare it for ${takers.join(" or ")}`;
}

/** The names in `runtimeConfig`: CONVENTIONS.md, "Dynamic plugin specific fields". */
function capabilitiesOf(schema: Parameters<typeof walkSchema>[0]): readonly string[] {
  const names: string[] = [];
  walkSchema(schema, { runtimeConfig: {} }, (def, _, { place }) => {
    if (place === "runtimeConfig" && def.type === "object") names.push(...Object.keys(def.shape));
  });
  return names;
}

function isForeign(place: string, key: string): boolean {
  return isWithin(place, "ipam") || (place === "args" && key !== "cni");
}

function isShared(place: string): boolean {
  return isWithin(place, "args") || isWithin(place, "runtimeConfig");
}

function isWithin(place: string, member: string): boolean {
  return place.split(/[.[]/)[0] === member;
}
