// The man pages: cnictl's from the tables of its commands, a plugin's from its own page.
import type { Command } from "../../src/cnictl/command.ts";
import { COMMANDS } from "../../src/cnictl/commands.ts";
import { formatSynopsis, type Options, VARIABLES } from "../../src/cnictl/option.ts";
import { PLUGINS, read } from "../repository/tree.ts";
import { formatExample, formatHeading, formatMarkdown, formatSubheading, formatTerm, quote } from "./roff.ts";

/** What has no place on a man page. */
const LEFT_OUT = ["Differences from the Go plugin"];

/** Plugins that another one calls. */
const IPAM = ["host-local", "static"];

/** Sections that have another name on a man page. */
const TITLES: Readonly<Record<string, string>> = { "What each verb does": "Verbs", Files: "State" };

/** What a runtime tells a plugin. */
const PROTOCOL = {
  CNI_COMMAND: "the verb: ADD, CHECK, DEL, GC, STATUS or VERSION",
  CNI_CONTAINERID: "the container's ID",
  CNI_NETNS: "the path of the container's network namespace",
  CNI_IFNAME: "the name of the interface in the container",
  CNI_ARGS: "`KEY=VALUE` pairs, separated by semicolons",
  CNI_PATH: "the folders of plugins, separated by colons",
} as const;

/** The files that everybody reads. */
const COMMON_FILES = {
  "/etc/cni/net.d": "network lists",
  "/etc/cni/cni-plugins.json": "if it exists, switches on a log of every call",
} as const;

/** The files that a plugin or cnictl keeps or reads. A test looks for each in its code. */
export const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bandwidth: {},
  ptp: {},
  bridge: { "/run/cni/bridge/lock": "the lock by which no bridge is deleted while an ADD needs it" },
  cnictl: {
    "/opt/cni/bin": "the plugins",
    "/var/lib/cni": "results of runtimes, below `results`",
    "/run/netns": "network namespaces with a name",
  },
  dummy: {},
  firewall: { "/run/xtables.lock": "the lock of iptables" },
  "host-device": {
    "/run/cni/host-device": "records of the devices that containers have, until DEL",
    "/run/cni/host-device/lock": "the lock by which no two calls move one device",
  },
  "host-local": { "/var/lib/cni/networks": "leases: a file for each address in a folder for each network" },
  ipvlan: {},
  loopback: {},
  macvlan: {},
  portmap: { "/run/xtables.lock": "the lock of iptables" },
  sbr: { "/run/cni/sbr/lock": "the lock by which no two calls for a container choose the same table" },
  static: {},
  tap: {},
  tuning: {
    "/etc/cni/tuning/allowlist.conf": "the parameters that may be set, if the file exists",
    "/run/cni/tuning": "the settings that ADD found, until DEL",
  },
  vlan: { "/run/cni/vlan/lock": "the lock by which no shared link is deleted while an ADD needs it" },
  vrf: { "/run/cni/sbr/lock": "the lock by which no two calls for a container choose the same table" },
};

/** Every file of the folder `man`, by name. */
export function makeManPages(): Readonly<Record<string, string>> {
  const plugins = PLUGINS.map((name) => [`cni-${name}.8`, formatPlugin(name)] as const);
  const pages = [["cnictl.8", formatTool()] as const, ...plugins];
  return Object.fromEntries(pages.map(([name, text]) => [name, removeEmptyParagraphs(text)]));
}

/** A heading begins a paragraph already. */
function removeEmptyParagraphs(text: string): string {
  return text.replaceAll(/^(\.S[HS] .*\n)\.PP\n/gm, "$1");
}

function formatTitle(name: string, summary: string): string {
  const { version }: { version: string } = JSON.parse(read("package.json"));
  const title = [name.toUpperCase(), "8", "", `cni-plugins-ts ${version}`, "CNI plugins"].map(quote).join(" ");
  const source = '.\\" Written by `npm run documents`.\n';
  return `${source}.TH ${title}\n${formatHeading("Name")}${name.replaceAll("-", "\\-")} \\- ${summary}\n`;
}

function formatPlugin(name: string): string {
  const [intro = "", ...sections] = read(`plugins/${name}/README.md`).split(/^## /m);
  const text = intro.replace(/^# .*\n/, "").trim();
  const page = `cni-${name}`;
  const kept = sections.map(splitSection).filter(({ title }) => !LEFT_OUT.includes(title));
  const body = kept.map(({ title, body: part }) => formatHeading(TITLES[title] ?? title) + formatMarkdown(part));
  return [
    formatTitle(page, `the CNI plugin ${name}`),
    formatHeading("Synopsis"),
    formatExample(IPAM.includes(name) ? `"ipam": { "type": "${name}", ... }` : `{ "type": "${name}", ... }`),
    formatHeading("Description"),
    formatMarkdown(text),
    ...body,
    formatHeading("Environment"),
    ".PP\nA runtime sets them for each call:\n",
    formatTerms(PROTOCOL),
    formatHeading("Exit status"),
    formatTerm("0", "Success. The result is on standard output, as JSON."),
    formatTerm("1", "Failure. The error is on standard output, as JSON with `code` and `msg`."),
    formatFiles(name),
    formatSeeAlso(page),
  ].join("");
}

function splitSection(section: string): { title: string; body: string } {
  const end = section.indexOf("\n");
  return { title: section.slice(0, end), body: section.slice(end + 1) };
}

function formatTool(): string {
  return [
    formatTitle("cnictl", "attach containers to CNI networks, examine and repair them"),
    formatHeading("Synopsis"),
    formatExample(COMMANDS.map(formatLine).join("\n")),
    formatHeading("Description"),
    formatMarkdown(splitSection(read("docs/cnictl.md")).body.split("\n| ")[0] ?? ""),
    formatHeading("Commands"),
    ...COMMANDS.map(formatCommand),
    formatHeading("Environment"),
    formatTerms(VARIABLES),
    formatHeading("Exit status"),
    formatTerm("0", "It worked."),
    formatTerm("1", "It failed, or something is not as it should be."),
    formatTerm("2", "The arguments are wrong."),
    formatFiles("cnictl"),
    formatSeeAlso("cnictl"),
  ].join("");
}

function formatLine({ name, operands, options }: Command): string {
  return `cnictl ${name} ${formatSynopsis(operands, options)}`.trimEnd();
}

function formatCommand(command: Command): string {
  const { name, summary, help, options } = command;
  const paragraphs = help.join("\n").split("\n\n");
  return [
    formatSubheading(`cnictl ${name}`),
    formatMarkdown(`${summary}.`),
    ...paragraphs.map((text) =>
      text.startsWith("  ") ? formatExample(text.replaceAll(/^ {2}/gm, "")) : formatMarkdown(text),
    ),
    formatOptions(options),
  ].join("");
}

function formatOptions(options: Options): string {
  return Object.entries(options)
    .map(([name, { short, value, help }]) => {
      const words = short === undefined ? `\`--${name}\`` : `\`-${short}\`, \`--${name}\``;
      return formatTerm(value === undefined ? words : `${words} ${value}`, help);
    })
    .join("");
}

function formatTerms(terms: Readonly<Record<string, string>>): string {
  return Object.entries(terms)
    .map(([term, meaning]) => formatTerm(`\`${term}\``, meaning))
    .join("");
}

function formatFiles(name: string): string {
  return formatHeading("Files") + formatTerms({ ...COMMON_FILES, ...FILES[name] });
}

function formatSeeAlso(page: string): string {
  const pages = ["cnictl", ...PLUGINS.map((name) => `cni-${name}`)].filter((each) => each !== page);
  return formatHeading("See also") + formatMarkdown([...pages, "ip-netns"].map((each) => `\`${each}\`(8)`).join(", "));
}
