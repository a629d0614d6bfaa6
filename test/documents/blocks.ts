/** A block of shell in a document. */
export interface Block {
  readonly script: string;
  /** What the document says that the block prints, where it says so; JSON or text. */
  readonly printed: string | undefined;
}

/** The blocks of shell of a document, each with the block of another kind right behind it. */
export function blocksOf(markdown: string): readonly Block[] {
  // In a list, a block is indented.
  const pattern = /^ *```sh\n(.*?)^ *```$(?:\n\n```(?:json|text)\n(.*?)^```$)?/gms;
  return [...markdown.matchAll(pattern)].map(([, script = "", printed]) => ({ script, printed }));
}

/** The network lists that a document has the reader write into the folder of networks. */
export function listsOf(markdown: string): readonly string[] {
  const pattern = /^ *cat > \/etc\/cni\/net\.d\/\S+\.conf(?:list)? <<'END'\n(.*?)^ *END$/gms;
  return [...markdown.matchAll(pattern)].map(([, list = ""]) => list);
}
