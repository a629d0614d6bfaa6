/** A native image of other entries than the product's, for tests. */
export function buildNative(
  output: string,
  options?: {
    readonly arch?: string;
    /** A file that exports start(), from the repository's root. */
    readonly entry?: string;
    /** A file's source, in the place of what the file has. */
    readonly load?: (file: string) => string;
    /** Names of modules that a process begins with; those of native/preloaded.txt unless given. */
    readonly preloaded?: readonly string[];
    readonly flags?: readonly string[];
    /** With AddressSanitizer and UndefinedBehaviorSanitizer, by the system's gcc: where their reports go. */
    readonly sanitize?: string | undefined;
  },
): Promise<void>;

/** The names in native/preloaded.txt. */
export function readPreloaded(): readonly string[];
