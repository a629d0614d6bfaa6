// Turns esbuild's CommonJS into what native/host.c runs: `((exports, require) => { … })`. require(number) returns a module object whose
// properties are read when they are used; exports are assigned at the end. All of it works on acorn's syntax tree. Line breaks stand
// where TypeScript's source has them, so that the lines in a stack trace are the source's lines.

import { decode } from "@jridgewell/sourcemap-codec";
import { parse } from "acorn";

/** Helpers that esbuild puts before a module. None is needed here. */
const HELPERS = new Set(
  [
    "create",
    "defProp",
    "getOwnPropDesc",
    "getOwnPropNames",
    "getProtoOf",
    "hasOwnProp",
    "export",
    "copyProps",
    "toESM",
    "toCommonJS",
  ].map((name) => `__${name}`),
);

/** Parses a module from esbuild and finds its imports: `{ specifier, members }`, with the members that the code reads, or "*". */
export function readModule({ name, code, map }) {
  const tokens = [];
  const program = parse(code, { ecmaVersion: "latest", onToken: tokens });
  const variables = new Map();
  const imports = [];
  walk(program, (node, parent) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const declared = program.body.find((statement) => declarationOf(statement, parent, node));
    imports.push({ specifier, members: declared === undefined ? ["*"] : [] });
    if (declared !== undefined) variables.set(declared.declarations[0].id.name, imports.at(-1).members);
  });
  walk(program, (node, parent) => {
    if (node.type !== "Identifier" || !variables.has(node.name) || isName(node, parent)) return;
    const isMember = parent.type === "MemberExpression" && parent.object === node && !parent.computed;
    variables.get(node.name).push(isMember ? parent.property.name : "*");
  });
  return { name, code, map, tokens, program, imports };
}

/** The module's function. `numberOf` returns the module number for a specifier. */
export function linkModule({ name, code, map, tokens, program }, { numberOf, isPackage }) {
  const edits = [];
  const exported = [];
  if (!isPackage) for (const statement of program.body) editStatement(statement, { code, edits, exported });
  walk(program, (node) => {
    const argument = isCallOf(node, "__toESM") && !isPackage ? node.arguments[0] : node;
    const specifier = specifierOf(argument);
    if (specifier === undefined) return;
    if (numberOf(specifier) < 0) throw new Error(`${name} needs ${specifier}, which is no module here`);
    if (!edits.some(({ start, end }) => start <= node.start && node.end <= end))
      edits.push({ start: node.start, end: node.end, text: `require(${numberOf(specifier)})` });
  });
  const body = layOut({ code, tokens, edits, lines: isPackage ? [] : linesOf(code, map) });
  if (isPackage)
    return `((exports, require) => { const module = { exports: {} }; ${body}\nfor (const key of Object.keys(module.exports)) exports[key] = module.exports[key]; })`;
  checkHelpers(name, body);
  return `((exports, require) => { ${body} ${exported.join(" ")} })`;
}

/** Removes esbuild's helpers, and records what they would export. */
function editStatement(statement, { code, edits, exported }) {
  const { type, start, end } = statement;
  const cut = () => edits.push({ start, end, text: "" });
  if (type === "VariableDeclaration" && HELPERS.has(statement.declarations[0].id.name)) return cut();
  if (
    type === "VariableDeclaration" &&
    /_exports$/.test(statement.declarations[0].id.name ?? "") &&
    code.slice(start, end).endsWith("= {};")
  ) {
    return cut();
  }
  if (type !== "ExpressionStatement") return;
  const { expression } = statement;
  if (isCallOf(expression, "__export")) {
    for (const { key, value } of expression.arguments[1].properties)
      exported.push(
        `exports[${JSON.stringify(key.name ?? key.value)}] = ${code.slice(value.body.start, value.body.end)};`,
      );
    return cut();
  }
  if (code.slice(start, end).startsWith("module.exports = __toCommonJS(")) cut();
}

function checkHelpers(name, body) {
  walk(parse(body, { ecmaVersion: "latest" }), (node) => {
    if (node.type === "Identifier" && (HELPERS.has(node.name) || ["module", "exports"].includes(node.name)))
      throw new Error(`Cannot link ${name}: "${node.name}" is left over`);
  });
}

/** The edited code, with its tokens on the lines of the source. A line break in the code is kept only if the source has one. */
function layOut({ code, tokens, edits, lines }) {
  const sorted = edits.toSorted((a, b) => a.start - b.start);
  let text = "";
  let at = 0;
  let line = 1;
  const put = (piece) => {
    text += piece;
    line += piece.split("\n").length - 1;
  };
  tokens.forEach((token, i) => {
    const { start, end } = token;
    if (start < at || start === end) return;
    const edit = sorted.find((each) => each.start <= start && start < each.end);
    if (edit !== undefined) {
      put(` ${edit.text} `);
      at = edit.end;
      return;
    }
    const previous = tokens[i - 1];
    const wanted = lines[start] ?? 0;
    const isInTemplate =
      token.type.label === "template" ||
      previous?.type.label === "template" ||
      (token.type.label === "`" && previous?.type.label === "template");
    if (isInTemplate) put(code.slice(at, start));
    else if (wanted > line && canBreak(code, previous, token)) put("\n".repeat(wanted - line));
    else if (/\s/.test(code.slice(at, start))) put(" ");
    put(code.slice(start, end));
    at = end;
  });
  return text;
}

/** Whether a line may end between two tokens without an automatic semicolon. ECMA-262, "Automatic Semicolon Insertion" */
function canBreak(code, previous, token) {
  const text = (each) => code.slice(each.start, each.end);
  if (previous !== undefined && ["return", "throw", "break", "continue", "yield", "async"].includes(text(previous)))
    return false;
  return !["++", "--", "=>"].includes(text(token));
}

/** The source line of each place in the code that the map contains, by offset. */
function linesOf(code, map) {
  const starts = [0];
  for (let at = code.indexOf("\n"); at !== -1; at = code.indexOf("\n", at + 1)) starts.push(at + 1);
  const lines = [];
  decode(map.mappings).forEach((segments, row) => {
    for (const [column, , line] of segments) if (line !== undefined) lines[starts[row] + column] = line + 1;
  });
  return lines;
}

/** "x" of `require("x")`. */
function specifierOf(node) {
  if (!isCallOf(node, "require") || node.arguments.length !== 1) return undefined;
  const [{ type, value }] = node.arguments;
  return type === "Literal" && typeof value === "string" ? value : undefined;
}

/** Whether a statement is `var x = require("…")` or `var x = __toESM(require("…"))` around that call. */
function declarationOf(statement, parent, call) {
  if (statement.type !== "VariableDeclaration") return false;
  const { init } = statement.declarations[0];
  return init === call || (init === parent && isCallOf(init, "__toESM"));
}

function isCallOf(node, name) {
  return node?.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === name;
}

/** Whether an identifier is only a name: of a declaration or a property. */
function isName(node, parent) {
  return (
    (parent.type === "VariableDeclarator" && parent.id === node) ||
    (parent.type === "MemberExpression" && parent.property === node && !parent.computed) ||
    (parent.type === "Property" && parent.key === node && parent.value !== node)
  );
}

function walk(node, visit, parent) {
  visit(node, parent);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child?.type === "string") walk(child, visit, node);
}
