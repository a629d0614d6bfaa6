// The native image: runs the bytecode of our TypeScript on QuickJS-NG. JavaScript sees one object of ours, `native`
// (src/platform/native.ts has its types). README.md beside this file says what belongs here and why.
#include <aio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "aside.h"
#include "quickjs.h"
#include "arena.h"
#include "text.h"

#define countof(array) ((int)(sizeof(array) / sizeof((array)[0])))

// What the build makes: the modules' names, where the bytecode of each begins, and whether a process begins with it loaded.
static const struct { const char *name; unsigned offset, size; bool is_preloaded; } modules[] = {
#include "modules.inc"
};

// digest.zig
void sha256(const uint8_t *bytes, size_t size, uint8_t digest[32]);
void sha512(const uint8_t *bytes, size_t size, uint8_t digest[64]);

// The engine with modules loaded, as a process begins with it. The build runs the executable once, has it load those modules, and writes
// what this then holds into the executable in its place: a process need not start the engine, nor read their bytecode. All that the
// engine has lies in `heap`, which has this address in every process.
static struct {
  char mark[16]; // by which the build finds it in the executable
  JSRuntime *runtime; // NULL: the engine is not started yet
  JSContext *ctx;
  JSValue native, require, modules[countof(modules)];
  JSClassID module_class;
  struct arena arena;
  char heap[HEAP_SIZE];
} image __attribute__((section(".image"), aligned(ARENA_PAGE))) = { .mark = "cni-plugins-heap" };

// Bytecode of the modules that are read when they are used. Those that are preloaded come behind them, in the file alone.
__asm__(".section .rodata\n.balign 16\nbytecode_begin: .incbin \"" BYTECODE "\", 0, " BYTECODE_SIZE "\n.previous\n");
extern const unsigned char bytecode_begin[] __asm__("bytecode_begin");
static const unsigned char *bytecode = bytecode_begin;

// Memory that JavaScript may use before its collector looks for cycles, which a call of some milliseconds never has to.
enum { COLLECT_ABOVE = 8 << 20 };

// Stack for JavaScript; JSON nested 10,000 deep takes 2 MB.
enum { STACK = 4 << 20 };

static int last_errno;

// The engine asks for the time when it starts: not where it starts for the snapshot, which is the same whenever it is made.
int engine_gettimeofday(struct timeval *now, void *zone) {
  *now = (struct timeval){ 0 };
  return image.runtime ? gettimeofday(now, zone) : 0;
}

int engine_clock_gettime(clockid_t clock, struct timespec *now) {
  *now = (struct timespec){ 0 };
  return image.runtime ? clock_gettime(clock, now) : 0;
}

// C functions by name. Each entry casts its arguments to the types of src/platform/libc.ts, out of which the build makes the table.
union argument { int64_t number; uint8_t *bytes; };
#define I32(i) ((int)a[i].number)
#define U32(i) ((unsigned)a[i].number)
#define SIZE(i) ((size_t)a[i].number)
#define POINTER(i) ((void *)a[i].bytes)
#define WORD(i) ((void *)a[i].bytes)
// It returns nothing, not even once.
#define abort() (abort(), 0)
#define FUNCTION(name, ...) static int call_##name(const union argument *a) { (void)a; return (int)name(__VA_ARGS__); }
#include "functions.inc"
#undef FUNCTION
#undef abort
#define FUNCTION(name, ...) { #name, call_##name },
static const struct { const char *name; int (*call)(const union argument *); } functions[] = {
#include "functions.inc"
};

static JSValue call_function(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int index) {
  union argument a[6] = { 0 };
  for (int i = 0; i < argc && i < countof(a); i++) {
    if (JS_IsNull(argv[i])) continue;
    if (JS_IsObject(argv[i])) {
      size_t size;
      a[i].bytes = JS_GetUint8Array(ctx, &size, argv[i]);
      if (!a[i].bytes && JS_HasException(ctx)) return JS_EXCEPTION;
    } else if (JS_ToInt64(ctx, &a[i].number, argv[i])) {
      return JS_EXCEPTION;
    }
  }
  int result = functions[index].call(a);
  last_errno = errno;
  return JS_NewInt32(ctx, result);
}

static JSValue native_find(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = JS_ToCString(ctx, argv[0]);
  if (!name) return JS_EXCEPTION;
  JSValue found = JS_UNDEFINED;
  for (int i = 0; i < countof(functions) && JS_IsUndefined(found); i++)
    if (!strcmp(functions[i].name, name)) found = JS_NewCFunctionMagic(ctx, call_function, name, 6, JS_CFUNC_generic_magic, i);
  JS_FreeCString(ctx, name);
  return found;
}

static JSValue native_errno(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, last_errno);
}

static JSValue native_address(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t size;
  uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[0]);
  return !bytes && JS_HasException(ctx) ? JS_EXCEPTION : JS_NewBigUint64(ctx, (uintptr_t)bytes);
}

static JSValue native_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return encode_utf8(ctx, argv[0]);
}

static JSValue native_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t size;
  uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[0]);
  if (!bytes && JS_HasException(ctx)) return JS_EXCEPTION;
  return decode_utf8(ctx, bytes, bytes ? size : 0);
}

// Names in a folder but "." and "..", in the kernel's order; null and errno where it cannot be read. Not by opendir(3), which
// needs memory: an ADD that has run out of it reads a folder on its way back.
static JSValue native_readdir(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static _Alignas(8) char entries[32 << 10];
  const char *path = JS_ToCString(ctx, argv[0]);
  if (!path) return JS_EXCEPTION;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  last_errno = errno;
  JS_FreeCString(ctx, path);
  if (fd < 0) return JS_NULL;
  JSValue names = JS_NewArray(ctx);
  uint32_t count = 0;
  long length;
  while ((length = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
    for (long at = 0; at < length; at += ((struct dirent *)(entries + at))->d_reclen) {
      const char *name = ((struct dirent *)(entries + at))->d_name;
      if (strcmp(name, ".") && strcmp(name, ".."))
        JS_SetPropertyUint32(ctx, names, count++, decode_utf8(ctx, (const uint8_t *)name, strlen(name)));
    }
  }
  last_errno = errno;
  close(fd);
  if (length == 0) return names;
  JS_FreeValue(ctx, names);
  return JS_NULL;
}

static JSValue text_or_null(JSContext *ctx, const char *text) {
  last_errno = errno;
  return text ? decode_utf8(ctx, (const uint8_t *)text, strlen(text)) : JS_NULL;
}

static JSValue native_realpath(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static char real[4096]; // PATH_MAX
  const char *path = JS_ToCString(ctx, argv[0]);
  if (!path) return JS_EXCEPTION;
  char *found = realpath(path, real);
  JS_FreeCString(ctx, path);
  return text_or_null(ctx, found);
}

static JSValue native_directory(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static char path[4096]; // PATH_MAX
  return text_or_null(ctx, getcwd(path, sizeof path));
}

// Variables of the environment; of two of one name the first, as getenv(3) would find it.
static JSValue native_environment(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue environment = JS_NewObjectProto(ctx, JS_NULL);
  for (char **entry = environ; *entry; entry++) {
    char *end = strchr(*entry, '=');
    if (!end) continue;
    JSAtom name = JS_NewAtomLen(ctx, *entry, end - *entry);
    if (!JS_HasProperty(ctx, environment, name))
      JS_DefinePropertyValue(ctx, environment, name, decode_utf8(ctx, (const uint8_t *)end + 1, strlen(end + 1)), JS_PROP_C_W_E);
    JS_FreeAtom(ctx, name);
  }
  return environment;
}

// A number from 0 to 1, without 1: Math.random() begins anew in each process.
static JSValue native_random(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint64_t bits;
  ssize_t size;
  while ((size = getrandom(&bits, sizeof bits, 0)) < 0 && errno == EINTR) continue;
  if (size != sizeof bits) return JS_ThrowInternalError(ctx, "Cannot get random bytes");
  return JS_NewFloat64(ctx, (double)(bits >> 11) / (1ull << 53));
}

static JSValue native_exit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t code = 1;
  JS_ToInt32(ctx, &code, argv[0]);
  _exit(code);
}

// SHA-2 of bytes, in hex: native.digest(bits, bytes), with 256 or 512 bits.
static JSValue native_digest(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t bits;
  size_t size;
  if (JS_ToInt32(ctx, &bits, argv[0])) return JS_EXCEPTION;
  uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[1]), digest[64];
  if (!bytes && JS_HasException(ctx)) return JS_EXCEPTION;
  if (!bytes) bytes = digest, size = 0;
  if (bits == 256) sha256(bytes, size, digest);
  else sha512(bytes, size, digest);
  char hex[128];
  for (int i = 0; i < bits / 4; i++) hex[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
  return JS_NewStringLen(ctx, hex, bits / 4);
}

// A module as others see it. The first read of a name that is not there runs the module, which puts its exports there; later reads
// are those of any object. So a module is loaded at the first use of one of its exports, however the import is written.
static JSValue run_bytecode(JSContext *ctx, int number) {
  JSValue code = JS_ReadObject(ctx, bytecode + modules[number].offset, modules[number].size, JS_READ_OBJ_BYTECODE);
  return JS_IsException(code) ? code : JS_EvalFunction(ctx, code);
}

static JSValue module_get(JSContext *ctx, JSValueConst object, JSAtom name, JSValueConst receiver) {
  // Its number and one where it is still to be run, the same below zero while it runs, 0 afterwards.
  intptr_t state = (intptr_t)JS_GetOpaque(object, image.module_class);
  if (state == 0) return JS_UNDEFINED;
  int number = (int)(state > 0 ? state : -state) - 1;
  if (state < 0) {
    const char *text = JS_AtomToCString(ctx, name);
    return JS_ThrowReferenceError(ctx, "\"%s\" of %s is used while that is being loaded", text ? text : "", modules[number].name);
  }
  JS_SetOpaque(object, (void *)-state);
#ifdef TRACE_MODULES
  dprintf(2, "%s\n", modules[number].name);
#endif
  JSValue body = run_bytecode(ctx, number);
  JSValueConst arguments[] = { object, image.require };
  JSValue result = JS_IsException(body) ? body : JS_Call(ctx, body, JS_UNDEFINED, 2, arguments);
  if (JS_IsException(result)) {
    // It is loaded again by the next use; here the error tells what went wrong.
    JS_SetOpaque(object, (void *)state);
    return JS_EXCEPTION;
  }
  JS_FreeValue(ctx, result);
  JS_FreeValue(ctx, body);
  JS_SetOpaque(object, NULL);
  return JS_GetProperty(ctx, object, name);
}

static JSValue module_object(JSContext *ctx, int number) {
  JSValue *object = &image.modules[number];
  if (JS_IsUndefined(*object)) {
    *object = JS_NewObjectClass(ctx, image.module_class);
    JS_SetOpaque(*object, (void *)(intptr_t)(number + 1));
  }
  return JS_DupValue(ctx, *object);
}

static JSValue require(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t number;
  return JS_ToInt32(ctx, &number, argv[0]) ? JS_EXCEPTION : module_object(ctx, number);
}

static const JSCFunctionListEntry native_functions[] = {
  JS_CFUNC_DEF("find", 1, native_find),
  JS_CFUNC_DEF("errno", 0, native_errno),
  JS_CFUNC_DEF("address", 1, native_address),
  JS_CFUNC_DEF("encode", 1, native_encode),
  JS_CFUNC_DEF("decode", 1, native_decode),
  JS_CFUNC_DEF("readdir", 1, native_readdir),
  JS_CFUNC_DEF("realpath", 1, native_realpath),
  JS_CFUNC_DEF("directory", 0, native_directory),
  JS_CFUNC_DEF("environment", 0, native_environment),
  JS_CFUNC_DEF("digest", 2, native_digest),
  JS_CFUNC_DEF("random", 0, native_random),
  JS_CFUNC_DEF("exit", 1, native_exit),
};

static void say(int fd, const char *text) {
  if (write(fd, text, strlen(text)) < 0) return;
}

// Ends a process that cannot go on. A runtime reads the error object of SPEC.md, "Error", from standard output.
static void fail(const char *message) {
  say(1, "{\"code\":11,\"msg\":\"");
  say(1, message);
  say(1, "\"}\n");
  _exit(1);
}

// An exception that nobody has caught: there is no memory for more, or the image is wrong.
static void fail_with_exception(JSContext *ctx) {
  JSValue exception = JS_GetException(ctx);
  JSValue stack = JS_GetPropertyStr(ctx, exception, "stack");
  const char *text = JS_ToCString(ctx, exception), *where = JS_ToCString(ctx, stack);
  say(2, text ? text : "out of memory");
  say(2, "\n");
  say(2, where ? where : "");
  fail("Cannot go on: see standard error, or give the process more memory");
}

static void call_export(JSContext *ctx, int number, const char *name) {
  JSValue module = module_object(ctx, number), function = JS_GetPropertyStr(ctx, module, name);
  if (JS_IsException(function) || JS_IsException(JS_Call(ctx, function, JS_UNDEFINED, 0, NULL))) fail_with_exception(ctx);
}

// What JavaScript may use of the calling process's stack.
static size_t stack_size(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur / 2 >= STACK) return STACK;
  return limit.rlim_cur / 2;
}

static JSClassExoticMethods module_methods = { .get_property = module_get };
static const JSClassDef module_definition = { "Module", .exotic = &module_methods };

// A descriptor of 0, 1 and 2 that was closed is held by one that can be neither read nor written, or the next file or socket would
// have its number, and the result would go there.
static void hold_streams(void) {
  struct pollfd streams[] = { { 0 }, { 1 }, { 2 } };
  if (poll(streams, countof(streams), 0) <= 0) return;
  for (int fd = 0; fd < countof(streams); fd++)
    if (streams[fd].revents & POLLNVAL) open("/", O_PATH | O_CLOEXEC);
}

// The runtime knows where the stack of the process is that loaded the modules; main() says it anew. Freed blocks may point into it, too.
static void forget_stack(void) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0), *end = (uintptr_t *)image.arena.at;
  for (uintptr_t *word = (uintptr_t *)image.heap; word < end; word++)
    if (*word - (here - STACK) < 2 * STACK) *word = 0;
}

// The engine, and `native` as the global object of that name.
static void start_engine(void) {
  image.arena.at = image.heap + 8;
  image.arena.end = image.heap + sizeof image.heap;
#ifdef PLAIN_MALLOC
  JSRuntime *runtime = JS_NewRuntime();
#else
  JSRuntime *runtime = JS_NewRuntime2(&arena_functions, NULL);
#endif
  JSContext *ctx = runtime ? JS_NewContext(runtime) : NULL;
  if (!ctx) fail("Cannot start: out of memory");
  JS_SetCanBlock(runtime, true);
  JS_NewClassID(runtime, &image.module_class);
  if (JS_NewClass(runtime, image.module_class, &module_definition)) fail("Cannot start: out of memory");
  JS_SetClassProto(ctx, image.module_class, JS_NULL);
  for (int i = 0; i < countof(modules); i++) image.modules[i] = JS_UNDEFINED;
  image.require = JS_NewCFunction(ctx, require, "require", 1);
  image.native = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, image.native, native_functions, countof(native_functions));
  JSValue global = JS_GetGlobalObject(ctx);
  JS_SetPropertyStr(ctx, global, "native", JS_DupValue(ctx, image.native));
  JS_FreeValue(ctx, global);
  image.runtime = runtime;
  image.ctx = ctx;
  call_export(ctx, GLOBALS, "installGlobals");
}

// Loads the modules that are to be preloaded, and writes the image: --snapshot OUTPUT BYTECODE. Reading a name that no module has loads it.
int JS_PrepareHeap(JSRuntime *runtime);
void JS_KeepHeap(JSRuntime *runtime, void *begin, size_t size);

static void write_snapshot(const char *output, const char *bytecode_file) {
  int file = open(bytecode_file, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status)) fail("Cannot read the bytecode");
  bytecode = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytecode == MAP_FAILED) fail("Cannot read the bytecode");
  image.arena.is_fixed = true;
  start_engine();
  for (int i = 0; i < countof(modules); i++) {
    if (!modules[i].is_preloaded) continue;
    JSValue module = module_object(image.ctx, i), missing = JS_GetPropertyStr(image.ctx, module, "");
    if (JS_IsException(missing)) fail_with_exception(image.ctx);
    JS_FreeValue(image.ctx, module);
  }
  call_export(image.ctx, GLOBALS, "instantiateGlobals");
  JS_RunGC(image.runtime);
  if (JS_PrepareHeap(image.runtime)) fail("Cannot prepare the heap: out of memory");
  image.arena.is_fixed = false;
  memset(image.arena.freed, 0, sizeof image.arena.freed);
  forget_stack();
  int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  size_t size = image.arena.at - (char *)&image;
  image.arena.end = image.arena.at;
  if (out < 0 || write(out, &image, size) != (ssize_t)size) fail("Cannot write the snapshot");
  _exit(0);
}

// musl lacks it. <asm-generic/mman-common.h>
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

// Reads the heap in one go where it is not in the page cache: an ADD reads most of it. A kernel before 5.14 refuses.
static void begin_with_heap(void) {
  madvise(&image, sizeof image, MADV_POPULATE_READ);
  JS_KeepHeap(image.runtime, &image, sizeof image);
}

static void start(size_t stack) {
  JS_SetMaxStackSize(image.runtime, stack);
  JS_UpdateStackTop(image.runtime);
  call_export(image.ctx, ENTRY, "start");
  _exit(0);
}

static void *start_in_thread(void *unused) {
  start(STACK);
  return unused;
}

// The limit of the stack is for a process's first thread alone. Returns if the process may have no other.
static void start_on_large_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 2 * STACK);
  if (!pthread_create(&thread, &attributes, start_in_thread, NULL)) pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
  hold_streams();
  // As in Node.js, a write to a closed pipe fails with EPIPE, and one beyond the limit of a file's size with EFBIG.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  arena = &image.arena;
  if (!image.runtime && argc == 4 && !strcmp(argv[1], "--snapshot")) write_snapshot(argv[2], argv[3]);
  if (image.runtime) begin_with_heap();
  else start_engine();
  JS_SetGCThreshold(image.runtime, COLLECT_ABOVE);
  JSValue arguments = JS_NewArray(image.ctx);
  for (int i = 0; i < argc; i++)
    JS_SetPropertyUint32(image.ctx, arguments, i, decode_utf8(image.ctx, (const uint8_t *)argv[i], strlen(argv[i])));
  JS_SetPropertyStr(image.ctx, image.native, "argv", arguments);
  size_t stack = stack_size();
  if (stack < STACK) start_on_large_stack();
  start(stack);
}
