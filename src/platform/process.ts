/** The plugin's process. process-node.ts and process-native.ts implement it; package.json's "#process" chooses one. */
export interface HostProcess {
  /** argv[0] as the caller passed it. */
  readonly argv0: string;
  /** The arguments after argv[0]. */
  readonly args: readonly string[];
  /** The executable's path; "" if it is unknown, for example without /proc. */
  executable(): string;
  /** The working directory; "." if it was deleted and has no path. */
  directory(): string;
  environment(): Readonly<Record<string, string>>;
  isTerminal(fd: number): boolean;
  exit(code: number): never;
}
