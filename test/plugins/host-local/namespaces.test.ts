import { beforeEach, expect, test, vi } from "vitest";
import { findDeserted } from "../../../plugins/host-local/namespaces.ts";
import { isNetnsAt } from "../../../plugins/host-local/netns-identity.ts";
import { identifyNetns } from "../../../src/linux/netns-identity.ts";
import { listNamespaces } from "../../../src/linux/netns-list.ts";

vi.mock("../../../src/linux/netns-list.ts", () => ({ listNamespaces: vi.fn() }));
vi.mock("../../../src/linux/netns-identity.ts", () => ({ identifyNetns: vi.fn() }));

beforeEach(() => {
  vi.mocked(listNamespaces).mockReset();
  vi.mocked(identifyNetns).mockReset().mockReturnValue("7:5");
});

/** A path that opens a namespace, of which identifyNetns() says what it is. */
const PATH = "/proc/self/ns/net";

/** One look at all processes: the inodes of namespaces that they are in, and of those that they only have open. */
interface Look {
  readonly inhabited?: readonly string[];
  readonly open?: readonly string[];
  readonly isComplete?: boolean;
}

/** What is found of a namespace, by looks that show this. */
function find(identity: string, ...looks: readonly Look[]): { isDeserted: boolean; isGone: boolean } {
  const listed = (inodes: readonly string[]) => new Map(inodes.map((inode) => [inode, PATH]));
  for (const { inhabited = [], open = [], isComplete = true } of looks) {
    const found = { paths: listed([...inhabited, ...open]), inhabited: listed(inhabited), isComplete };
    vi.mocked(listNamespaces).mockReturnValueOnce(found);
  }
  const { deserted, gone } = findDeserted([identity]);
  expect(listNamespaces).toHaveBeenCalledTimes(looks.length);
  return { isDeserted: deserted.has(identity), isGone: gone.has(identity) };
}

const [inhabited, kept, gone] = [
  { isDeserted: false, isGone: false },
  { isDeserted: true, isGone: false },
  { isDeserted: true, isGone: true },
];

test.each<[string, string, object, ...Look[]]>([
  ["somebody is in it", "7:5", inhabited, { inhabited: ["7"] }],
  ["somebody had passed on before the first look got there", "7:5", inhabited, {}, { inhabited: ["7"] }],
  ["somebody only has it open", "7:5", kept, { open: ["7"] }, { open: ["7"] }],
  ["somebody opened it between the looks", "7:5", kept, {}, { open: ["7"] }],
  ["nobody has it", "7:5", gone, { inhabited: ["8"] }, { inhabited: ["8"] }],
  ["another namespace has its inode", "7:4", gone, { inhabited: ["7"] }, { inhabited: ["7"] }],
  ["its cookie is not known", "7", inhabited, { inhabited: ["7"] }],
  ["a process cannot be looked at", "7:5", inhabited, { isComplete: false }],
  ["a process of the second look cannot be looked at", "7:5", inhabited, {}, { isComplete: false }],
])("findDeserted() where %s", (_, identity, expected, ...looks) => {
  expect(find(identity, ...looks)).toEqual(expected);
});

test("findDeserted() of none looks at no process", () => {
  expect(findDeserted([])).toEqual({ deserted: new Set(), gone: new Set() });
  expect(listNamespaces).not.toHaveBeenCalled();
});

test.each([
  ["7:5", "7:5", true],
  ["7:5", "7:4", false],
  ["7:5", "8:5", undefined],
  ["7:5", "7", true],
  ["7", "7:5", undefined],
  ["7", "7", true],
])("isNetnsAt() where %s is at the path, of %s: %s", (there, identity, expected) => {
  vi.mocked(identifyNetns).mockReturnValue(there);
  expect(isNetnsAt(PATH, identity)).toBe(expected);
});
