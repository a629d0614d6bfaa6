/** The part of node:path that we use. package.json's "#path" chooses path-node.ts or path-native.ts. */
export interface FilePath {
  join(...parts: readonly string[]): string;
  /** The last absolute path, and all later ones relative to it. There must be an absolute path. */
  resolve(...parts: readonly string[]): string;
  dirname(path: string): string;
  basename(path: string): string;
}
