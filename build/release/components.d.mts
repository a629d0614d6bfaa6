/** A work of others that is in the image. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly license: string;
  readonly purl: string;
  readonly description: string;
  /** The digest of an npm package's archive. */
  readonly hash?: { readonly alg: string; readonly content: string };
  readonly texts: readonly string[];
}

export function findComponents(): Promise<readonly Component[]>;
