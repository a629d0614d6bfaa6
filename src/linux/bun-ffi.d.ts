/** The part of Bun's `bun:ffi` that ffi-bun.ts uses. */
declare module "bun:ffi" {
  export type Type = "i32" | "u32" | "u64_fast" | "ptr";
  export interface Symbol {
    readonly args: readonly Type[];
    readonly returns: Type;
  }
  type Argument = number | NodeJS.TypedArray | null;
  export function dlopen<S extends Readonly<Record<string, Symbol>>>(
    path: string,
    symbols: S,
  ): { readonly symbols: { readonly [N in keyof S]: (...args: readonly Argument[]) => number } };
  export function ptr(bytes: NodeJS.TypedArray): number;
  export const read: { i32(pointer: number, offset: number): number };
}
