// Memory for a process that lives for milliseconds: taken from the kernel by the megabyte, handed out one piece after another, and
// what is freed kept in a list for each size class. The process's end gives it back. musl's malloc asks the kernel far more often.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include "quickjs.h"

// A test has smaller pieces, so that the kernel is asked more often.
#ifndef ARENA_PIECE
#define ARENA_PIECE (1 << 20)
#define ARENA_LARGE (256 << 10)
#endif

// Each block begins at a multiple of 16 and has its size in the 8 bytes before it: 8 more than a multiple of 16, or a multiple of 16
// where the block is a mapping of its own.
enum {
  ARENA_RESERVE = 2 << 20,
  ARENA_SMALL_CLASSES = 65,
  ARENA_CLASSES = ARENA_SMALL_CLASSES + 4 * 16,
  ARENA_PAGE = 4096,
};

_Static_assert(ARENA_LARGE + ARENA_LARGE / 4 + 2 * 16 <= ARENA_PIECE, "each block that is not large fits into a piece, rounded up");

struct arena {
  char *at, *end; // at is 8 above a multiple of 16
  void *freed[ARENA_CLASSES];
  bool is_fixed; // takes nothing from the kernel
};
static struct arena *arena;

// The heap that the process has begun with; the engine has the same of it (build/engine-changes.mjs).
extern uintptr_t js_kept_begin, js_kept_size;

// Where the kernel has no more memory for us, what asked for it fails. What is here is for the way back: the error object, and the
// reversal of all that was done. The kernel gives pages to it when it is used, and not before.
static char arena_reserve[ARENA_RESERVE] __attribute__((aligned(16)));

static void *arena_fail(void) {
  static bool is_used;
  if (!is_used && !arena->is_fixed) {
    arena->at = arena_reserve + 8;
    arena->end = arena_reserve + ARENA_RESERVE;
    is_used = true;
  }
  return NULL;
}

static size_t arena_usable(const void *block) {
  return block ? ((const size_t *)block)[-1] : 0;
}

// A block's size without its header: 8 and a multiple of 16 up to 1 KB, above that four steps for each power of two. The engine asks for
// 4096 bytes at a time to cut small blocks of.
static size_t arena_round(size_t size) {
  if (size <= 8) return 24;
  if (size <= 1024) return ((size + 7) & ~(size_t)15) + 8;
  size_t step = (size_t)1 << (61 - __builtin_clzl(size - 1));
  return ((size + step - 1) & ~(step - 1)) + 8;
}

static size_t arena_class(size_t rounded) {
  size_t size = rounded - 8;
  if (size <= 1024) return size / 16;
  int log = 63 - __builtin_clzl(size - 1);
  return ARENA_SMALL_CLASSES + 4 * (log - 10) + ((size - 1) >> (log - 2) & 3);
}

static void *arena_map(size_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

// A large block is a mapping of its own, so that the kernel has it back when it is freed. The first 16 bytes are its header's.
static size_t arena_length(size_t size) {
  return (size + 16 + ARENA_PAGE - 1) & ~(size_t)(ARENA_PAGE - 1);
}

static void *arena_large(char *memory, size_t length) {
  if (!memory) return arena_fail();
  ((size_t *)memory)[1] = length - 16;
  return memory + 16;
}

static bool arena_is_large(const void *block) {
  return arena_usable(block) % 16 == 0;
}

static void *arena_malloc(void *opaque, size_t size) {
  if (size > PTRDIFF_MAX / 2) return NULL;
  if (size >= ARENA_LARGE && !arena->is_fixed) return arena_large(arena_map(arena_length(size)), arena_length(size));
  size_t rounded = arena_round(size), class = arena_class(rounded), total = rounded + 8;
  if (arena->freed[class]) {
    void **block = arena->freed[class];
    arena->freed[class] = *block;
    return block;
  }
  if ((size_t)(arena->end - arena->at) < total) {
    char *piece = arena->is_fixed ? NULL : arena_map(ARENA_PIECE);
    if (!piece) return arena_fail();
    arena->at = piece + 8;
    arena->end = piece + ARENA_PIECE;
  }
  size_t *header = (size_t *)arena->at;
  *header = rounded;
  arena->at += total;
  return header + 1;
}

static void arena_free(void *opaque, void *block) {
  if (!block || (uintptr_t)block - js_kept_begin < js_kept_size) return;
  size_t size = arena_usable(block);
  if (arena_is_large(block)) {
    munmap((char *)block - 16, size + 16);
    return;
  }
  size_t class = arena_class(size);
  *(void **)block = arena->freed[class];
  arena->freed[class] = block;
}

// The kernel's pages are zero; a block that was in use is not.
static void *arena_calloc(void *opaque, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return NULL;
  void *block = arena_malloc(opaque, total);
  return block ? memset(block, 0, total) : NULL;
}

static void *arena_realloc(void *opaque, void *block, size_t size) {
  if (!block) return arena_malloc(opaque, size);
  size_t old = arena_usable(block);
  if (size <= old) return block;
  if (arena_is_large(block) && size <= PTRDIFF_MAX / 2) {
    char *moved = mremap((char *)block - 16, old + 16, arena_length(size), MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? arena_fail() : arena_large(moved, arena_length(size));
  }
  size_t rounded = size < ARENA_LARGE ? arena_round(size) : 0;
  bool has_free = rounded && arena->freed[arena_class(rounded)];
  if (rounded && !has_free && (char *)block + old == arena->at && (size_t)(arena->end - arena->at) >= rounded - old) {
    // The newest block grows where it is, unless there is a free one: then memory stays the same where blocks grow and are freed in turn.
    ((size_t *)block)[-1] = rounded;
    arena->at = (char *)block + rounded;
    return block;
  }
  void *larger = arena_malloc(opaque, size);
  if (!larger) return NULL;
  memcpy(larger, block, old);
  arena_free(opaque, block);
  return larger;
}

static const JSMallocFunctions arena_functions = { arena_calloc, arena_malloc, arena_free, arena_realloc, arena_usable };
