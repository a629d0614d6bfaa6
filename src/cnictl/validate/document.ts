import { type Node, parseTree } from "jsonc-parser";
import { CniError, ERROR_CODES } from "../../cni/error.ts";
import { JsonSyntaxError, parseJson } from "../../cni/json.ts";
import type { Path } from "../../cni/schema-walk.ts";
import { decode } from "../../linux/bounded-file.ts";
import { ifPossible, translating } from "../../platform/outcome.ts";

/** A place in a text, both from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** A JSON file that knows where each of its values is. */
export interface Document {
  readonly file: string;
  readonly json: unknown;
  /** The place of a value, or of its key. If there is no such value, that of the nearest object around it. */
  place(path: Path, atKey: boolean): Position;
  /** The paths of the keys that an object has a second time. Only the last one of them counts. */
  repeated(): readonly Path[];
}

/** Reads a document. @throws BrokenDocument */
export function openDocument(file: string, bytes: Uint8Array): Document {
  const text = decode(bytes);
  const json = parseAt(file, bytes);
  const root = findTree(text);
  return {
    file,
    json,
    place: (path, atKey) => placeOf(text, root === undefined ? 0 : offsetOf(root, path, atKey)),
    repeated: () => (root === undefined ? [] : repeatedKeys(root, [])),
  };
}

/** The document of a file that cannot be read as JSON: everything is at one place. */
export function brokenDocument(file: string, place: Position = { line: 1, column: 1 }): Document {
  return { file, json: undefined, place: () => place, repeated: () => [] };
}

/** A text is no JSON. Has a document that knows where. */
export class BrokenDocument extends CniError {
  readonly document: Document;

  /** `hint` is what was probably meant, if that is known. */
  constructor(message: string, document: Document, hint = "") {
    super(ERROR_CODES.decodingFailure, message, { details: hint });
    this.document = document;
  }
}

function parseAt(file: string, bytes: Uint8Array): unknown {
  return translating(
    [SyntaxError],
    () => parseJson(bytes),
    (error) => {
      if (!(error instanceof JsonSyntaxError))
        return new BrokenDocument(error.message, brokenDocument(file, undefined));
      const { line, column, message, hint } = error;
      return new BrokenDocument(message, brokenDocument(file, { line, column }), hint);
    },
  );
}

/** The tree of a text; undefined if it is nested too deep for the engine's stack. */
function findTree(text: string): Node | undefined {
  return ifPossible(() => parseTree(text));
}

function offsetOf(root: Node, path: Path, atKey: boolean): number {
  let node = root;
  for (const [index, step] of path.entries()) {
    const next = typeof step === "number" ? node.children?.[step] : findProperty(node, String(step));
    if (next === undefined) return node.offset;
    const [key, value] = next.type === "property" ? (next.children ?? []) : [next, next];
    if (atKey && index === path.length - 1) return (key ?? next).offset;
    node = value ?? next;
  }
  return node.offset;
}

/** The last property of that name, or the last one in another case. */
function findProperty(object: Node, name: string): Node | undefined {
  const properties = (object.children ?? []).filter(({ type }) => type === "property");
  const isNamed = (property: Node) => keyOf(property) === name;
  const isLike = (property: Node) => keyOf(property).toLowerCase() === name.toLowerCase();
  return properties.findLast(isNamed) ?? properties.findLast(isLike);
}

function keyOf(property: Node): string {
  return String(property.children?.[0]?.value ?? "");
}

function repeatedKeys(node: Node, path: Path): readonly Path[] {
  const children = node.children ?? [];
  if (node.type === "array") return children.flatMap((each, index) => repeatedKeys(each, [...path, index]));
  const seen = new Set<string>();
  return children.flatMap((property) => {
    const key = keyOf(property);
    const own = seen.has(key) ? [[...path, key]] : [];
    seen.add(key);
    const value = property.children?.[1];
    return [...own, ...(value === undefined ? [] : repeatedKeys(value, [...path, key]))];
  });
}

function placeOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
