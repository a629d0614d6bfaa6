import type { Launch } from "../cni/plugin-process.ts";

/** What the command touches of the world. */
export interface Edge {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The working directory, against which relative paths are read. */
  readonly directory: string;
  /** Whether a person reads what is written. */
  readonly terminal: { readonly out: boolean; readonly err: boolean };
  readonly build: Build;
  readonly launch: Launch;
  /** False for a path that surely is no network namespace (any more). */
  readonly isLiving: (netns: string) => boolean;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

/** What is known of the running executable. */
export interface Build {
  readonly version: string;
  /** The names of the image: every plugin's, and cnictl. Empty where it runs from source. */
  readonly names: readonly string[];
  /** Path of the image. */
  readonly executable: string;
}
