import type { Row } from "./statistics.ts";

/** Contenders in the picture, and their colours. */
const COLOURS: Readonly<Record<string, string>> = {
  reference: "#7d8590",
  "reference, nftables": "#afb8c1",
  netavark: "#d29922",
  "dist/bin": "#1f6feb",
  "dist/pkg": "#8ab4f8",
};

const WIDTH = 960;
const LABELS = 320;
const BARS = 480;
const BAR = 11;
const GAP = 14;
const LEGEND = 128;

/**
 * The medians as bars, a group for each command of each scenario, as SVG that reads on a light page and on a dark one. Groups are
 * scaled each for itself: what counts is the ratio.
 */
export function drawCosts(rows: readonly Row[]): string {
  const groups = [...Map.groupBy(rows, ({ scenario, command }) => `${scenario}: ${command}`)];
  let y = 34;
  const parts = groups.flatMap(([title, group]) => {
    const longest = Math.max(...group.map(({ ms }) => ms.median));
    const top = y;
    y += group.length * (BAR + 2) + GAP;
    return [
      text(LABELS - 12, top + BAR, escapeText(title), 'text-anchor="end" font-weight="600"'),
      ...group.map((row, i) => drawBar(row, { longest, y: top + i * (BAR + 2) })),
    ];
  });
  const legend = Object.entries(COLOURS).map(([name, colour], i) => {
    const x = LABELS + i * LEGEND;
    return `<rect x="${x}" y="8" width="10" height="10" fill="${colour}"/>${text(x + 15, 17, escapeText(name))}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="11">`,
    "<title>What a call costs: milliseconds, and how many times the Go plugins'</title>",
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...legend,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function drawBar({ contender, ms, ratios }: Row, { longest, y }: { longest: number; y: number }): string {
  const width = Math.max(1, (ms.median / longest) * BARS);
  const ratio = ratios["reference"];
  const label = `${ms.median.toFixed(1)} ms${ratio === undefined ? "" : `, ${ratio.median.toFixed(2)}×`}`;
  const colour = COLOURS[contender] ?? "#000000";
  return `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>${text(LABELS + width + 6, y + BAR - 2, label)}`;
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="#1f2328" ${attributes}>${content}</text>`;
}

function escapeText(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
