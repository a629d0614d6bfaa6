/** What a plugin rebuilt for an attachment, and what it could not, each in a few words. */
export interface Rebuilding {
  readonly rebuilt: readonly string[];
  readonly failed: readonly string[];
}
