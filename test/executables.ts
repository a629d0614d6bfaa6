import path from "node:path";

/**
 * The names of the executables that a log of `strace -f -e trace=execve` says were started, in the order in which they were asked for.
 * A call that overlaps with another process's has its end in a line of its own.
 */
export function executablesIn(log: string): string[] {
  const asked: { pid: string; file: string; ended: boolean }[] = [];
  for (const line of log.split("\n")) {
    const [, pid = "", file] = /^(\d+)\s+execve\("([^"]+)".*(?:= 0|<unfinished \.\.\.>)$/.exec(line) ?? [];
    if (file !== undefined) asked.push({ pid, file, ended: line.endsWith("= 0") });
    const [, resumed] = /^(\d+)\s+<\.\.\. execve resumed>.*= 0$/.exec(line) ?? [];
    const open = asked.find((each) => each.pid === resumed && !each.ended);
    if (open !== undefined) open.ended = true;
  }
  return asked.filter(({ ended }) => ended).map(({ file }) => path.basename(file));
}
