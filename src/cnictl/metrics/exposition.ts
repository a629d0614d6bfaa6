/** One metric: a gauge with its samples. */
export interface Metric {
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

/** The metrics in Prometheus' text format, version 0.0.4. A metric without samples is left out. */
export function formatMetrics(metrics: readonly Metric[]): string {
  const shown = metrics.filter(({ samples }) => samples.length > 0);
  return shown
    .map((metric) => `${formatHead(metric)}${metric.samples.map((each) => formatSample(metric, each)).join("")}`)
    .join("");
}

function formatHead({ name, help }: Metric): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
}

function formatSample({ name }: Metric, { labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
