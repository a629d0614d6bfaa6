import path from "node:path";

interface Level {
  readonly indent: number;
  readonly folders: readonly string[];
}

/**
 * The paths that the trees in a document's code blocks describe. A tree's line has names, two spaces or more, and what they are:
 * `link/ address/   one folder for each kernel object`. A name that ends in a slash is the folder of the lines that are indented
 * below it. One entry for each name; it has several paths where the folder above it is one of several.
 */
export function describedPaths(markdown: string): string[][] {
  const blocks = [...markdown.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  return blocks.flatMap(pathsOfTree);
}

function pathsOfTree(tree: string): string[][] {
  let above: Level[] = [{ indent: -1, folders: ["."] }];
  const described: string[][] = [];
  for (const line of tree.split("\n")) {
    const names = namesOf(line);
    if (names.length === 0) continue;
    const indent = line.search(/\S/);
    above = above.filter((level) => level.indent < indent);
    const parents = above.at(-1)?.folders ?? ["."];
    const paths = names.map((name) => parents.map((parent) => path.join(parent, name)));
    described.push(...paths);
    const folders = paths.flat().filter((name) => name.endsWith("/"));
    if (folders.length > 0) above.push({ indent, folders });
  }
  return described;
}

/** The names at a line's beginning; none where the line goes on with a description, or is no part of a tree. */
function namesOf(line: string): string[] {
  const beginning = line.trim().split(/ {2,}/)[0] ?? "";
  const names = beginning.split(" ");
  return names.every((name) => /^[\w.-]+(\/|\.\w+)$|^[\w-]+\/[\w/.-]+$/.test(name)) ? names : [];
}
