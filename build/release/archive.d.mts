export function makeArchive(
  output: string,
  options: {
    readonly release: { readonly version: string; readonly time: number };
    readonly arch: string;
    /** A folder with the executables. */
    readonly image: string;
    /** Texts by path. */
    readonly files: Readonly<Record<string, string>>;
  },
): Promise<void>;
