import fs from "node:fs";
import path from "node:path";
import { type Lab, sleep } from "../lab.ts";

/** Everything in a namespace that a plugin can have changed: a value for each name, so that two can be compared name by name. */
export interface NamespaceState {
  readonly links: Readonly<Record<string, Link>>;
  readonly routes: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/** As `ip -json -details address` prints it. */
export interface Link {
  readonly ifname: string;
  readonly address?: string;
  readonly operstate?: string;
  readonly flags?: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: unknown };
  readonly addr_info?: readonly { readonly tentative?: boolean }[];
}

/** Left out: what differs from one moment to the next, and identifiers made from a MAC, which is compared itself. */
const LEFT_OUT = /_timer$|^(bridge|root)_id$|^designated_|^fdb_n_learned$/;

const SHOW = `
  ip -json -details address; echo
  ip route show table all; ip -6 route show table all; echo @sysctls
  grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward
`;

/** Waits until the kernel has taken note of every carrier and address, for at most half a minute, and returns what there is then. */
export function readNamespace(lab: Lab, netns: string): NamespaceState {
  for (const deadline = Date.now() + 30_000; ; ) {
    const { links, rest } = show(lab, netns);
    if (links.every(isSettled)) return decode(links, rest);
    if (Date.now() > deadline) throw new Error(`Links of ${netns} do not settle: ${JSON.stringify(links, null, 1)}`);
    sleep(20);
  }
}

function show(lab: Lab, netns: string): { links: readonly Link[]; rest: string } {
  const text = lab.try(["sh", "-c", SHOW], netns).stdout;
  const end = text.indexOf("\n");
  return { links: JSON.parse(text.slice(0, end)), rest: text.slice(end) };
}

/** The kernel's work on a carrier's change is put off by up to a second; until then the flags contradict each other. */
function isSettled(link: Link): boolean {
  const flags = link.flags ?? [];
  if (link.addr_info?.some((address) => address.tentative === true)) return false;
  if (!flags.includes("UP")) return true;
  if (link.operstate === "UNKNOWN" && ["bridge", "veth"].includes(link.linkinfo?.info_kind ?? "")) return false;
  return flags.includes("LOWER_UP") !== flags.includes("NO-CARRIER") && link.operstate !== "LOWERLAYERDOWN";
}

function decode(links: readonly Link[], rest: string): NamespaceState {
  const [routes = "", sysctls = ""] = rest.split("@sysctls\n");
  return {
    links: Object.fromEntries(links.map((link) => [link.ifname, compared(link)])),
    routes: routes
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " "))
      // A router's anycast addresses are the kernel's doing, at a moment of its own after forwarding is turned on.
      .filter((line) => line !== "" && !line.startsWith("anycast ")),
    sysctls: Object.fromEntries(
      sysctls
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => [line.slice("/proc/sys/".length, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
    ),
  };
}

/** A link as it is compared: the same whichever release of iproute2 printed it. From 7 on `ip` prints a transmit queue of 0 too. */
export function compared(link: Link): Link {
  const isLeftOut = (key: string, value: unknown) => LEFT_OUT.test(key) || (key === "txqlen" && value === 0);
  return JSON.parse(JSON.stringify(link, (key, value) => (isLeftOut(key, value) ? undefined : value)));
}

/** Files with addresses in their names or in them: what both implementations have to agree on byte for byte. */
export function readLeases(lab: Lab): Readonly<Record<string, string>> {
  if (!fs.existsSync(lab.dataDir)) return {};
  const files = fs.readdirSync(lab.dataDir, { recursive: true, encoding: "utf8" }).sort();
  const kept = files.filter((file) => /^last_reserved_ip\.\d+$|^[\d.]+$|^[\da-f:]+$/.test(path.basename(file)));
  return Object.fromEntries(
    kept.map((file) => {
      const full = path.join(lab.dataDir, file);
      const mode = (fs.statSync(full).mode & 0o7777).toString(8);
      return [file, `${mode} ${JSON.stringify(fs.readFileSync(full, "latin1"))}`];
    }),
  );
}
