import type { Report } from "./finding.ts";
import type { Subject } from "./plugin.ts";

/** Reports plugins at a place in the list at which they cannot work. A plugin that is not ours may make an interface. */
export function examineOrder(subjects: readonly Subject[], report: Report): void {
  for (const [index, { placed, own }] of subjects.entries()) {
    const before = subjects.slice(0, index);
    const { document, config } = placed;
    const path = [...placed.path, "type"];
    const hasInterface = before.some((each) => each.own === undefined || each.own.place === "interface");
    if (own?.place === "chained" && !hasInterface) {
      const message = `${config.type} needs the result of a plugin that makes an interface`;
      report(document, "error", { path, message, hint: "put that plugin, such as bridge, before it" });
    }
    const chained = before.find((each) => each.own?.place === "chained");
    if (own?.place === "interface" && chained !== undefined) {
      const message = `${config.type} makes an interface, and comes after ${chained.placed.config.type}, which needs one`;
      report(document, "warning", { path, message, hint: `put ${config.type} first` });
    }
    if (own?.place === "ipam") {
      const message = `${config.type} makes no interface: another plugin calls it for addresses`;
      report(document, "warning", { path, message, hint: `put it into the "ipam" of that plugin` });
    }
  }
}
