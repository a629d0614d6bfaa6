// Memory for a process that lives for milliseconds: taken from the kernel by the megabyte, handed out one piece after another, and
// what is freed kept in a list for each size class. The process's end gives it back. musl's malloc asks the kernel far more often.
#pragma once
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include "quickjs.h"

// Each block has its size in the 8 bytes before it, and begins at a multiple of 16. The last class has blocks of 224 KB with those 8
// bytes; from the first size on that does not fit, a block is large.
enum { ARENA_HEADER = 16, ARENA_PIECE = 1 << 20, ARENA_SMALL_CLASSES = 64, ARENA_CLASSES = ARENA_SMALL_CLASSES + 4 * 8, ARENA_LARGE = (224 << 10) - 7 };

static char *arena_at, *arena_end;
static void *arena_freed[ARENA_CLASSES];

static size_t arena_usable(const void *block) {
  return block ? ((const size_t *)block)[-1] : 0;
}

// A block with its header: up to 1 KB by steps of 16 bytes, above that by four steps for each power of two.
static size_t arena_round(size_t size) {
  size_t total = (size + 8 + 15) & ~(size_t)15;
  if (total < 32) return 32;
  if (total < 16 * ARENA_SMALL_CLASSES) return total;
  size_t step = (size_t)1 << (61 - __builtin_clzl(total - 1));
  return (total + step - 1) & ~(step - 1);
}

static size_t arena_class(size_t total) {
  if (total < 16 * ARENA_SMALL_CLASSES) return total / 16;
  int log = 63 - __builtin_clzl(total);
  return ARENA_SMALL_CLASSES + 4 * (log - 10) + (total >> (log - 2) & 3);
}

static void *arena_map(size_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

// A large block is a mapping of its own, so that the kernel has it back when it is freed.
static size_t arena_length(size_t size) {
  return (size + ARENA_HEADER + 4095) & ~(size_t)4095;
}

static void *arena_large(char *memory, size_t length) {
  if (!memory) return NULL;
  ((size_t *)(memory + ARENA_HEADER))[-1] = length - ARENA_HEADER;
  return memory + ARENA_HEADER;
}

static void *arena_malloc(void *opaque, size_t size) {
  if (size > PTRDIFF_MAX / 2) return NULL;
  if (size >= ARENA_LARGE) return arena_large(arena_map(arena_length(size)), arena_length(size));
  size_t total = arena_round(size), class = arena_class(total);
  if (arena_freed[class]) {
    void **block = arena_freed[class];
    arena_freed[class] = *block;
    return block;
  }
  if ((size_t)(arena_end - arena_at) < total) {
    char *piece = arena_map(ARENA_PIECE);
    if (!piece) return NULL;
    arena_at = piece + 8;
    arena_end = piece + ARENA_PIECE;
  }
  size_t *header = (size_t *)arena_at;
  *header = total - 8;
  arena_at += total;
  return header + 1;
}

static void arena_free(void *opaque, void *block) {
  if (!block) return;
  size_t size = arena_usable(block);
  if (size >= ARENA_LARGE) {
    munmap((char *)block - ARENA_HEADER, size + ARENA_HEADER);
    return;
  }
  size_t class = arena_class(size + 8);
  *(void **)block = arena_freed[class];
  arena_freed[class] = block;
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
  if (old >= ARENA_LARGE && size <= PTRDIFF_MAX / 2) {
    char *moved = mremap((char *)block - ARENA_HEADER, old + ARENA_HEADER, arena_length(size), MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : arena_large(moved, arena_length(size));
  }
  size_t total = size < ARENA_LARGE ? arena_round(size) : 0;
  if (total && (char *)block + old == arena_at && (size_t)(arena_end - arena_at) >= total - old - 8) {
    // The newest block grows where it is.
    ((size_t *)block)[-1] = total - 8;
    arena_at = (char *)block - 8 + total;
    return block;
  }
  void *larger = arena_malloc(opaque, size);
  if (!larger) return NULL;
  memcpy(larger, block, old);
  arena_free(opaque, block);
  return larger;
}

static const JSMallocFunctions arena_functions = { arena_calloc, arena_malloc, arena_free, arena_realloc, arena_usable };
