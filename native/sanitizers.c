// How the sanitized image reports what it finds: an exit code that nothing else has, and a file for each report in the folder REPORTS.
#define OPTIONS "exitcode=99:log_path=" REPORTS "/report"

// Memory is given back by the process's end.
const char *__asan_default_options(void) { return OPTIONS ":detect_leaks=0:detect_stack_use_after_return=0"; }
const char *__ubsan_default_options(void) { return OPTIONS ":print_stacktrace=1"; }
