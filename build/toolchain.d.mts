/** Where the engine's source and the compiler are, for tests. */
export function findToolchain(): { readonly engine: string; readonly zig: string; readonly folder: string };
