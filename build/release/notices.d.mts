import type { Component } from "./components.mjs";

export function formatNotices(components: readonly Component[]): string;
