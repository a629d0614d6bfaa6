// Plays the runtime: runs chains of programs at once, each chain's programs one after the other, and tells what each chain cost, from before
// the first exec to after the last exit. In C, so that the measuring itself costs nothing.
// usage: exec-timer FOLDER CHAINS STEPS
// FOLDER has for each chain N and step S, from 0: N.S.args and N.S.env (arguments, environment; each entry ended by a NUL), and either
// N.S.in (standard input) or N.S.head, to which the output of the step before and a "}" are added. N.S.out and N.S.err are made.
// prints for each chain, in order: start and end (ns of CLOCK_MONOTONIC), CPU time (us, with children waited for), peak memory of the largest
// process (KiB), and of the last step that ran its wait status and its number. A step that fails ends its chain.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct step {
  posix_spawn_file_actions_t actions;
  char **args, **env;
  char *head;
};

struct chain {
  struct step *steps;
  int number, at, status;
  pid_t pid;
  long long start, end, cpu;
  long memory;
};

static const char *folder;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static char *name(int number, int step, const char *end) {
  char *text;
  if (asprintf(&text, "%s/%d.%d.%s", folder, number, step, end) < 0) die("asprintf");
  return text;
}

/** The file's bytes and a NUL after them; NULL where there is no such file. */
static char *read_file(const char *file, size_t *length) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return NULL;
  off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
  char *bytes = size < 0 ? NULL : malloc(size + 1);
  if (bytes == NULL || pread(fd, bytes, size, 0) != size) die(file);
  close(fd);
  bytes[size] = 0;
  *length = size;
  return bytes;
}

static char **read_list(const char *file) {
  size_t length;
  char *bytes = read_file(file, &length);
  if (bytes == NULL) die(file);
  char **list = calloc(length + 1, sizeof *list);
  int count = 0;
  for (char *at = bytes; at < bytes + length; at += strlen(at) + 1) list[count++] = at;
  return list;
}

static void prepare(struct step *step, int number, int s) {
  size_t length;
  posix_spawn_file_actions_init(&step->actions);
  posix_spawn_file_actions_addopen(&step->actions, 0, name(number, s, "in"), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&step->actions, 1, name(number, s, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&step->actions, 2, name(number, s, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  step->args = read_list(name(number, s, "args"));
  step->env = read_list(name(number, s, "env"));
  step->head = read_file(name(number, s, "head"), &length);
}

static void hand_on_result(struct chain *chain, const char *head) {
  size_t length;
  char *result = read_file(name(chain->number, chain->at - 1, "out"), &length);
  FILE *in = fopen(name(chain->number, chain->at, "in"), "we");
  if (result == NULL || in == NULL || fprintf(in, "%s%s}", head, result) < 0 || fclose(in) != 0) die("result");
  free(result);
}

static void begin_step(struct chain *chain) {
  struct step *step = &chain->steps[chain->at];
  if (step->head != NULL) hand_on_result(chain, step->head);
  errno = posix_spawn(&chain->pid, step->args[0], &step->actions, NULL, step->args, step->env);
  if (errno != 0) die(step->args[0]);
}

static void end_step(struct chain *chain, int status, const struct rusage *u) {
  chain->end = now();
  chain->cpu += (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000LL + u->ru_utime.tv_usec + u->ru_stime.tv_usec;
  if (u->ru_maxrss > chain->memory) chain->memory = u->ru_maxrss;
  chain->status = status;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  folder = argv[1];
  int count = atoi(argv[2]), steps = atoi(argv[3]);
  struct chain *chains = calloc(count, sizeof *chains);
  for (int i = 0; i < count; i++) {
    chains[i].number = i;
    chains[i].steps = calloc(steps, sizeof *chains[i].steps);
    for (int s = 0; s < steps; s++) prepare(&chains[i].steps[s], i, s);
  }
  for (int i = 0; i < count; i++) {
    chains[i].start = now();
    begin_step(&chains[i]);
  }
  for (int running = count; running > 0;) {
    struct rusage usage;
    int status, i = 0;
    pid_t pid = wait4(-1, &status, 0, &usage);
    if (pid < 0) die("wait4");
    while (i < count && chains[i].pid != pid) i++;
    if (i == count) continue;
    end_step(&chains[i], status, &usage);
    if (status != 0 || chains[i].at + 1 == steps) {
      chains[i].pid = 0;
      running--;
    } else {
      chains[i].at++;
      begin_step(&chains[i]);
    }
  }
  for (int i = 0; i < count; i++) {
    struct chain *c = &chains[i];
    printf("%lld %lld %lld %ld %d %d\n", c->start, c->end, c->cpu, c->memory, c->status, c->at);
  }
}
