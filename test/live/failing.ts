/** What runs an executable whose first system call of that name fails, or the n-th, or the first on that file. */
export function failing(syscall: string, error: string, options: { file?: string; when?: number } = {}): string[] {
  const { file, when = 1 } = options;
  const only = file === undefined ? [] : ["-P", file];
  const inject = `inject=${syscall}:error=${error}:when=${when}`;
  return [
    "strace",
    "-f",
    "-qq",
    ...only,
    "-e",
    `trace=${syscall}`,
    "-e",
    inject,
    "-e",
    "signal=none",
    "-o",
    "/dev/null",
  ];
}
