import { afterEach, beforeEach, expect, it } from "vitest";
import { blocksOf } from "../documents/blocks.ts";
import { meaning, paste } from "../documents/paste.ts";
import { Lab } from "../lab.ts";
import { read } from "../repository/tree.ts";
import { IN_VM } from "./kinds.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

it.each(IN_VM)("plugins/%s/README.md: the shell blocks work as they stand, and print what is said", (name) => {
  const file = `plugins/${name}/README.md`;
  const blocks = blocksOf(read(file));
  const { printed } = paste(lab, file, blocks);
  for (const [index, block] of blocks.entries())
    if (block.printed !== undefined) expect(meaning(printed[index] ?? "")).toEqual(meaning(block.printed));
});
