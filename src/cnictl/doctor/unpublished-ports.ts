import { formatPort } from "../../../plugins/portmap/published.ts";
import type { Network } from "../../runtime/network.ts";
import { viewAttachment } from "../inventory/attachment-view.ts";
import type { Check, Examination } from "./examination.ts";
import type { Found } from "./finding.ts";
import { fileOf } from "./gateways.ts";
import { describeAttachment } from "./netns-name.ts";

/** Ports that runtimes asked for, and that no plugin of the list gets: each one needs the capability. CNI's CONVENTIONS.md */
export const unpublishedCheck: Check = {
  name: "attachment",
  run: (examination) =>
    examination.networks
      .filter(({ plugins }) => plugins.every(({ capabilities }) => !capabilities.includes("portMappings")))
      .flatMap((network) => judge(examination, network)),
};

function judge(examination: Examination, { name, plugins }: Network): readonly Found[] {
  const views = examination
    .inventory()
    .attachments.filter(({ network, cached }) => network === name && (cached?.ports.length ?? 0) > 0)
    .map((attachment) => viewAttachment(attachment, examination.isLiving));
  const lacking = views.flatMap((view) => {
    const ports = view.ports.filter(({ isRequested }) => isRequested).map(formatPort);
    return view.namespace === "gone" || ports.length === 0 ? [] : [{ view, ports }];
  });
  const [first] = lacking;
  if (first === undefined) return [];
  const more = lacking.length === 1 ? "" : `, and those of ${lacking.length - 1} more`;
  const whose = describeAttachment(first.view, first.view.netns);
  const message = `nobody publishes the ports ${first.ports.join(", ")} of ${whose}${more}: no plugin of the list declares the capability portMappings`;
  const hasPortmap = plugins.some(({ type }) => type === "portmap");
  const what = hasPortmap
    ? '"capabilities": { "portMappings": true } to portmap'
    : '{ "type": "portmap", "capabilities": { "portMappings": true } }';
  const cure = `add ${what} in ${fileOf(examination, name)}, and start the containers again`;
  return [{ level: "warning", subject: name, message, cure }];
}
