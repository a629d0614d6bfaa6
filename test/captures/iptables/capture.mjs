// Prints what the kernel tells iptables-legacy of table filter: node capture.mjs NETNS iptables-legacy|ip6tables-legacy > NAME.hex
// Needs root, strace, and the namespace. struct ipt_getinfo, struct ipt_get_entries, and as comments what the command made of them.
import { spawnSync } from "node:child_process";

const [netns, tool] = process.argv.slice(2);
const strace = ["strace", "-xx", "-s", "1000000", "-e", "trace=getsockopt", tool, "-S"];
const { stdout, stderr } = spawnSync("ip", ["netns", "exec", netns, ...strace], { encoding: "utf8" });
const release = spawnSync("uname", ["-r"], { encoding: "utf8" }).stdout.replace(/-.*/s, "");
const version = spawnSync(tool, ["--version"], { encoding: "utf8" }).stdout.trim();
const lines = [`# ${tool} -S`, `# Linux ${release}, ${version}`];
for (const [, option, text] of stderr.matchAll(/SO_GET_(INFO|ENTRIES), "([^"]*)"/g))
  lines.push(`${option} ${text.replaceAll("\\x", "")}`);
lines.push(...stdout.trimEnd().split("\n").map((line) => `# ${line}`));
console.log(lines.join("\n"));
