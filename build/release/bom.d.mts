import type { Component } from "./components.mjs";

export function formatBom(
  release: { readonly version: string; readonly commit: string; readonly time: number },
  components: readonly Component[],
): string;
