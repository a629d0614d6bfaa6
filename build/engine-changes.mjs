// What the build changes in the engine's quickjs.c: a process begins with a heap that the build has made (native/host.c), and must not
// write to all of it, for the kernel copies each page that is written. So what lies in that heap is kept: its reference counts are not
// counted, its blocks are never freed, and no new block is taken from it.

const KEPT = `
uintptr_t js_kept_begin, js_kept_size;
static int js_kept_ref_count = 1 << 30;

static inline bool js_is_kept(const void *p) {
    return (uintptr_t)p - js_kept_begin < js_kept_size;
}

static inline int *js_ref_count(const void *p) {
    return js_is_kept(p) ? &js_kept_ref_count : &js_rc(p)->ref_count;
}
#define JS_REF_COUNT(p) (*js_ref_count(p))`;

const KEEP = `
/* From now on, what lies there is kept. */
void JS_KeepHeap(JSRuntime *rt, void *begin, size_t size)
{
    js_kept_begin = (uintptr_t)begin;
    js_kept_size = size;
    js_arena_init(rt);
}
`;

const PREPARE = `
/* Before the heap is written out: the table of shapes has room, or a process would soon move them all into a larger one. */
int JS_PrepareHeap(JSRuntime *rt)
{
    return resize_shape_hash(rt, rt->shape_hash_bits + 1);
}
`;

/** Each text is replaced as often as it is there, which must be so many times. */
const CHANGES = [
  { before: "\n#define JS_REF_COUNT(p) (js_rc(p)->ref_count)", after: KEPT },
  {
    before:
      "    if (!ptr)\n        return;\n    b = container_of(ptr, JSMallocBlockHeader, user_data);\n    if (unlikely(",
    after:
      "    if (!ptr || js_is_kept(ptr))\n        return;\n    b = container_of(ptr, JSMallocBlockHeader, user_data);\n    if (unlikely(",
  },
  { before: "\nstatic inline void *arena_get_block(", after: `${KEEP}\nstatic inline void *arena_get_block(` },
  { before: "\nstatic void js_shape_hash_link(", after: `${PREPARE}\nstatic void js_shape_hash_link(` },
  // A shape that is about to change belongs to one object.
  { before: "JS_REF_COUNT(sh) = JS_REF_COUNT(old_sh);", after: "JS_REF_COUNT(sh) = 1;", times: 2 },
  {
    before: "assert(JS_REF_COUNT(p->shape) == 1);",
    after: "assert(js_is_kept(p->shape) || JS_REF_COUNT(p->shape) == 1);",
  },
];

/** The engine's source as it is compiled. @throws Error if another version of it lacks what is changed */
export function changeEngine(source) {
  return CHANGES.reduce((text, { before, after, times = 1 }) => {
    const parts = text.split(before);
    if (parts.length !== times + 1)
      throw new Error(`Cannot change quickjs.c: it has ${JSON.stringify(before)} ${parts.length - 1} times`);
    return parts.join(after);
  }, source);
}
