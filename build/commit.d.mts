/** The commit of a tree, its day, and its time in seconds; all empty where nothing tells. */
export function findCommit(root: string): { readonly commit: string; readonly date: string; readonly time: string };
