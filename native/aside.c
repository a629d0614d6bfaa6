// What the kernel takes its time for, done by a process of its own: whoever asked need not stay until the kernel is done.
//
// A deleted link is gone after a millisecond, but the request comes back only when nobody can be looking at it any more, 10 to 20
// ms later, and until then the process that sent it, from whichever thread, cannot end. Nor can the last one that has a socket of
// netfilter's open, when elements have been deleted from nf_tables in the last 10 ms, by whomever; and while it waits, nobody
// else's change of the rules is taken. A socket for packets takes 8 to 16 ms to be closed.
//
// Why this is safe:
// - The process shares this one's memory (a copy of the page tables costs more than all the rest), and its caller goes on and ends
//   at that time. So it uses nothing but its own block of memory, stack included, and system calls made here: no errno, no malloc,
//   no lock of the C library's. The block is never given back. The memory of a process lives as long as one that shares it.
// - Its descriptors are a copy. It closes all but the sockets that it is for, so that a caller's pipes, locks and namespaces are as
//   closed as they would be without it.
// - The kernel answers to the socket, which both have: the caller reads a refusal there.
// - It does one thing, which the kernel does whole or not at all, whether the caller still lives or not. A caller that is killed has
//   not said that it is done, and is called again. A socket that is only held open has done its work already.
// - It ends by itself once the kernel returns, or its time is over. Its caller, or whoever takes over orphans, is told by SIGCHLD as of any child.
// - Where the kernel or a filter of system calls refuses the process, nothing has been sent, and the caller is told.

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "aside.h"

enum { BLOCK = 16384, MOST_BYTES = 4096, MOST_DESCRIPTORS = 4096 };

// At the low end of the block; the stack comes down from the high one.
struct order { int socket, held; long milliseconds; size_t size; unsigned char bytes[MOST_BYTES]; };

static long call(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = 0, r9 __asm__("r9") = 0;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c, x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = 0, x5 __asm__("x5") = 0;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "no system calls for this architecture"
#endif
}

// Kernels before 5.9 have no close_range; nobody has opened more than a few by then.
static void close_from_to(int first, int last) {
  if (first > last || call(SYS_close_range, first, last, 0, 0) == 0) return;
  for (int fd = first; fd <= last && fd < MOST_DESCRIPTORS; fd++) call(SYS_close, fd, 0, 0, 0);
}

static int act(void *argument) {
  const struct order *order = argument;
  int low = order->socket, high = order->held < 0 ? order->socket : order->held;
  if (low > high) low = order->held, high = order->socket;
  close_from_to(0, low - 1);
  close_from_to(low + 1, high - 1);
  close_from_to(high + 1, 0x7fffffff);
  long time[] = { order->milliseconds / 1000, order->milliseconds % 1000 * 1000000 };
  if (order->size > 0) call(SYS_sendto, order->socket, (long)order->bytes, (long)order->size, 0);
  else call(SYS_nanosleep, (long)time, 0, 0, 0);
  return 0;
}

static int start(const struct order *order, const void *bytes) {
  unsigned char *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return -1;
  struct order *own = (struct order *)block;
  own->socket = order->socket, own->held = order->held, own->milliseconds = order->milliseconds, own->size = order->size;
  memcpy(own->bytes, bytes, order->size);
  int id = clone(act, block + BLOCK, CLONE_VM | SIGCHLD, own);
  if (id == -1) munmap(block, BLOCK);
  return id;
}

// Sends one datagram from a process of its own, which keeps `held` open too, unless that is -1, until the kernel is done. Returns its
// id, for waitpid, or -1 with errno where there is none: nothing is sent then. The bytes are copied.
int send_aside(int socket, const void *bytes, size_t size, int held) {
  struct order order = { .socket = socket, .held = held, .size = size };
  if (size == 0 || size > MOST_BYTES) return errno = EMSGSIZE, -1;
  return start(&order, bytes);
}

// Keeps a socket open by a process of its own: until closing it takes no time, or so long that this process is not the last one to
// close it. Returns as send_aside.
int hold_aside(int socket, int milliseconds) {
  struct order order = { .socket = socket, .held = -1, .milliseconds = milliseconds };
  return start(&order, "");
}

// Whether such a process has ended; it is reaped then.
int has_ended_aside(int id) {
  return waitpid(id, NULL, WNOHANG) != 0;
}
