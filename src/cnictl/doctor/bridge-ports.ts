import { findLink } from "../../netlink/link/get.ts";
import { listPorts } from "../../netlink/link/list.ts";
import { MOST_PORTS } from "../../steps/full-bridge.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { needsOf } from "./needs.ts";

/** The use of a bridge's ports in per cent from which on it is a finding. */
const NEARLY_FULL = 80;

/** Bridges on which few more containers have room. */
export const portCheck: Check = {
  name: "pool",
  run: (examination) => {
    const names = examination.networks.flatMap((network) => needsOf(network).bridges.map(({ bridge }) => bridge));
    return [...new Set(names)].flatMap((name) => orCannotTell(name, () => judge(examination, name)));
  },
};

function judge({ host: { netlink } }: Examination, name: string): readonly Found[] {
  const bridge = findLink(netlink, name);
  if (bridge?.kind !== "bridge") return [];
  const count = listPorts(netlink, bridge).length;
  const found = { subject: name, message: `${count} of ${MOST_PORTS} ports of the bridge are used` };
  if (count * 100 < MOST_PORTS * NEARLY_FULL) return [{ ...found, level: "ok" }];
  const cure = "use another bridge for more containers";
  return [{ ...found, level: count >= MOST_PORTS ? "error" : "warning", cure }];
}
