/** The part of node:path that plugins use. path-node.ts is node:path itself, path-bun.ts spares loading it: 0.8 ms of a cold process. package.json's "#path" chooses. */
export interface FilePath {
  join(...parts: readonly string[]): string;
  dirname(path: string): string;
  basename(path: string): string;
}
