import fs from "node:fs";
import path from "node:path";
import { executablesIn } from "../executables.ts";
import type { Call, Lab, Outcome } from "../lab.ts";

/** The two kinds of iptables commands: one keeps its rules in nf_tables, the other in the kernel's older tables. */
export type Variant = "nft" | "legacy";

/** A container's view of the outside, which knows the host's addresses on its link and no way back to any container. */
export const OUTSIDE = { 4: "203.0.113.2", 6: "2001:db8:f::2" } as const;

/** Adds the outside to a lab and waits until it answers. */
export function addOutside(lab: Lab): void {
  const outside = lab.addNamespace("outside");
  for (const netns of [lab.host, outside])
    lab.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"], netns);
  lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", `${lab.id}-outside`]);
  const commands = (link: string, host: string) => `
    ip address add 203.0.113.${host}/24 dev ${link}; ip address add 2001:db8:f::${host}/64 dev ${link} nodad
    ip link set ${link} up; ip link set lo up`;
  lab.run(["sh", "-ec", commands("up0", "1")]);
  lab.run(["sh", "-ec", commands("eth0", "2")], outside);
  // On a busy machine the kernel takes seconds to make a link ready for IPv6, and until then solicitations are lost.
  for (const to of [OUTSIDE[4], OUTSIDE[6]])
    lab.run(["timeout", "60", "sh", "-c", `until ping -n -c1 -W5 ${to} >/dev/null; do sleep 0.1; done`]);
}

/** Which families of the outside answer a container within some seconds. Without masquerade neither can. */
export function reached(lab: Lab, netns: string, { seconds = 10 } = {}) {
  const ping = (to: string) => lab.try(["ping", "-n", "-c1", `-W${seconds}`, to], netns).status === 0;
  return { 4: ping(OUTSIDE[4]), 6: ping(OUTSIDE[6]) };
}

/** A PATH in which the iptables commands are of one kind, however the machine is set up. */
export function pathFor(lab: Lab, variant: Variant): string {
  const folder = path.join(lab.dir, variant);
  fs.mkdirSync(folder, { recursive: true });
  for (const command of ["iptables", "ip6tables", "iptables-restore", "ip6tables-restore"]) {
    const [family, restore] = command.split("-");
    const target = `/usr/sbin/${family}-${variant}${restore === undefined ? "" : `-${restore}`}`;
    const link = path.join(folder, command);
    if (!fs.existsSync(link)) fs.symlinkSync(target, link);
  }
  return `${folder}:${process.env["PATH"]}`;
}

/** Every line of the host's rules, of nf_tables and of the older tables, that holds one of these texts. */
export function rulesAbout(lab: Lab, ...texts: readonly string[]): string[] {
  const commands = [["nft", "list", "ruleset"], ["iptables-legacy-save"], ["ip6tables-legacy-save"]];
  const lines = commands.flatMap((argv) => lab.run(argv).split("\n"));
  return lines.map((line) => line.trim()).filter((line) => texts.some((text) => line.includes(text)));
}

/** Runs a plugin and says which executables its process and those below it have started, by their names. */
export function traced(lab: Lab, name: string, call: Call): { outcome: Outcome; started: string[] } {
  const log = path.join(lab.dir, "strace");
  const wrapper = ["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", log];
  const outcome = lab.plugin(name, { ...call, wrapper });
  return { outcome, started: executablesIn(fs.readFileSync(log, "utf8")) };
}
