export function cutNotes(
  changelog: string,
  release: { readonly version: string; readonly commit: string; readonly date: string },
): string;
