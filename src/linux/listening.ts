import { readText } from "./bounded-file.ts";

/** The flag of a socket that is listened on. __SO_ACCEPTCON, <linux/net.h> */
const ACCEPTCON = 1 << 16;

/**
 * The paths of the sockets that processes of this network namespace listen on, each as its process bound it: one in a container may see
 * another root. proc(5), "/proc/net/unix" @throws the errors of node:fs
 */
export function listListening(): readonly string[] {
  const lines = readText("/proc/net/unix").split("\n");
  return lines.flatMap((line) => {
    const [, flags = "", file = ""] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (\/.*)$/.exec(line) ?? [];
    return (Number.parseInt(flags, 16) & ACCEPTCON) === 0 ? [] : [file];
  });
}
