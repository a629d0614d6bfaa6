import path from "#path";
import { formatJson } from "../../cni/json.ts";
import { randomBytes } from "../../linux/random.ts";
import { replaceFile } from "../../linux/replace-file.ts";
import { asIoFailure } from "../../runtime/refusal.ts";
import { defineCommand } from "../command.ts";
import { viewDhcpLeases } from "../inventory/dhcp-leases.ts";
import { takeInventory } from "../inventory/inventory.ts";
import { VIEW_OPTIONS } from "../option.ts";
import { writeProblems } from "../view.ts";
import { collectMetrics } from "./collect.ts";
import { formatMetrics, type Metric } from "./exposition.ts";

/** `cnictl metrics`: figures for Prometheus. */
export const metrics = defineCommand({
  name: "metrics",
  summary: "Prints metrics for Prometheus: pools, attachments, leases, leftovers",
  help: [
    "Prints gauges in Prometheus' text format. With --output they replace the file in one step, for the",
    "textfile collector of node-exporter: conf/systemd has a timer.",
  ],
  operands: [],
  options: {
    output: { type: "string", value: "FILE", help: "write to the file instead of standard output", completion: "file" },
    ...VIEW_OPTIONS,
  },
  environment: ["NETCONFPATH"],
  run: (edge, { values }) => {
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"] });
    const dhcp = viewDhcpLeases(inventory, { isLiving: edge.isLiving });
    const problems = [...inventory.problems, ...dhcp.problems];
    const all = collectMetrics({ inventory: { ...inventory, problems }, dhcp: dhcp.views, isLiving: edge.isLiving });
    const text = values.json ? `${formatJson(all.flatMap(samplesJson), 2)}\n` : formatMetrics(all);
    if (values.output === undefined) edge.writeOut(text);
    else writeMetrics(path.resolve(edge.directory, values.output), text);
    writeProblems(edge, problems);
    return undefined;
  },
});

function samplesJson({ name, samples }: Metric) {
  return samples.map(({ labels, value }) => ({ name, labels, value: Number(value) }));
}

/** Replaces a file in one step. @throws CniError ioFailure */
function writeMetrics(file: string, text: string): void {
  // The collector reads files that end in .prom alone.
  const draft = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(4).toHex()}`);
  asIoFailure(`Cannot write "${file}"`, () => replaceFile(file, { draft, text, mode: 0o644 }));
}
