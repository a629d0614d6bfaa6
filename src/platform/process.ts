/** The process that a plugin runs in. process-node.ts and process-native.ts are it; package.json's "#process" chooses. */
export interface HostProcess {
  /** argv[0], as the caller gave it. */
  readonly argv0: string;
  /** The arguments behind it. */
  readonly args: readonly string[];
  /** The executable's path; "" where it cannot be told, without /proc for instance. */
  executable(): string;
  /** The working directory; "." where it has no path, because it has been deleted. */
  directory(): string;
  environment(): Readonly<Record<string, string>>;
  isTerminal(fd: number): boolean;
  exit(code: number): never;
}
