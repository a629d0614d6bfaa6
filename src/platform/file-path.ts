/** The part of node:path that we use. package.json's "#path" chooses path-node.ts or path-native.ts. */
export interface FilePath {
  join(...parts: readonly string[]): string;
  /** Of paths, the last of which must be absolute or follow one that is. */
  resolve(...parts: readonly string[]): string;
  dirname(path: string): string;
  basename(path: string): string;
}
