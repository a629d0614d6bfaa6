/** A native image of other entries than the product's, for tests. */
export function buildNative(
  output: string,
  options?: {
    readonly arch?: string;
    /** A file that exports start(), from the repository's root. */
    readonly entry?: string;
    /** A file's source, in the place of what the file has. */
    readonly load?: (file: string) => string;
    /** Whether a process begins with the module of that name; as isPreloaded() says unless given. */
    readonly preloaded?: (name: string) => boolean;
    readonly flags?: readonly string[];
    /** With AddressSanitizer and UndefinedBehaviorSanitizer, by the system's gcc: where their reports go. */
    readonly sanitize?: string | undefined;
  },
): Promise<void>;

/** Whether a process begins with the module loaded. */
export function isPreloaded(name: string): boolean;
