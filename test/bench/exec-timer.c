// Starts a program a number of times at once and tells what each cost, from before exec to after exit. In C, so that the
// measuring itself costs nothing.
// usage: exec-timer PROGRAM FOLDER COUNT
// FOLDER has for each call N, from 0, N.in (standard input) and N.env (environment, each entry ended by a NUL); N.out and N.err are made.
// prints for each call, in order: start and end (ns of CLOCK_MONOTONIC), CPU time (us, with children waited for), peak memory (KiB), wait status
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

struct call {
  posix_spawn_file_actions_t actions;
  char **env;
  pid_t pid;
  long long start, end;
  struct rusage usage;
  int status;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static char *name(const char *folder, int number, const char *end) {
  char *text;
  if (asprintf(&text, "%s/%d.%s", folder, number, end) < 0) die("asprintf");
  return text;
}

static char **read_env(const char *file) {
  static char bytes[1 << 20];
  int fd = open(file, O_RDONLY);
  if (fd < 0) die(file);
  ssize_t length = read(fd, bytes, sizeof bytes);
  if (length < 0) die(file);
  close(fd);
  char **env = calloc(length + 1, sizeof *env);
  int count = 0;
  for (char *at = bytes; at < bytes + length; at += strlen(at) + 1) env[count++] = strdup(at);
  return env;
}

static void prepare(struct call *call, const char *folder, int number) {
  posix_spawn_file_actions_init(&call->actions);
  posix_spawn_file_actions_addopen(&call->actions, 0, name(folder, number, "in"), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&call->actions, 1, name(folder, number, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&call->actions, 2, name(folder, number, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  call->env = read_env(name(folder, number, "env"));
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int count = atoi(argv[3]);
  struct call *calls = calloc(count, sizeof *calls);
  for (int i = 0; i < count; i++) prepare(&calls[i], argv[2], i);
  for (int i = 0; i < count; i++) {
    char *args[] = {argv[1], NULL};
    calls[i].start = now();
    errno = posix_spawn(&calls[i].pid, argv[1], &calls[i].actions, NULL, args, calls[i].env);
    if (errno != 0) die(argv[1]);
  }
  for (int ended = 0; ended < count; ended++) {
    struct rusage usage;
    int status;
    pid_t pid = wait4(-1, &status, 0, &usage);
    if (pid < 0) die("wait4");
    for (int i = 0; i < count; i++)
      if (calls[i].pid == pid) calls[i].end = now(), calls[i].usage = usage, calls[i].status = status;
  }
  for (int i = 0; i < count; i++) {
    struct rusage *u = &calls[i].usage;
    long long cpu = (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000LL + u->ru_utime.tv_usec + u->ru_stime.tv_usec;
    printf("%lld %lld %lld %ld %d\n", calls[i].start, calls[i].end, cpu, u->ru_maxrss, calls[i].status);
  }
}
