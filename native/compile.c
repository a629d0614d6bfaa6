// Compiles scripts to bytecode: compile OUT NAME FILE [NAME FILE ...]
// Writes all bytecode to OUT.bin, one piece behind the other, and `NAME offset size` of each to OUT.txt.
#include <stdio.h>
#include <stdlib.h>
#include "quickjs.h"

static void stop(const char *what, const char *name) {
  fprintf(stderr, "Cannot %s \"%s\"\n", what, name);
  exit(1);
}

static FILE *open_output(const char *stem, const char *ending) {
  char name[4096];
  snprintf(name, sizeof name, "%s%s", stem, ending);
  FILE *file = fopen(name, "wb");
  if (!file) stop("write", name);
  return file;
}

static char *read_script(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  if (!file || fseek(file, 0, SEEK_END)) stop("read", name);
  *size = ftell(file);
  rewind(file);
  char *text = malloc(*size + 1);
  if (!text || fread(text, 1, *size, file) != *size) stop("read", name);
  text[*size] = 0;
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *ctx = JS_NewContext(runtime);
  FILE *bytecode = open_output(argv[1], ".bin"), *table = open_output(argv[1], ".txt");
  // Names of functions and lines stay, for the stack of an error; STRIP leaves them out, to compare the code alone.
  int flags = JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE | (getenv("STRIP") ? JS_WRITE_OBJ_STRIP_DEBUG : 0);
  size_t offset = 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    size_t length, size;
    char *text = read_script(argv[i + 1], &length);
    JSValue code = JS_Eval(ctx, text, length, argv[i], JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | JS_EVAL_FLAG_STRICT);
    if (JS_IsException(code)) {
      JSValue exception = JS_GetException(ctx), stack = JS_GetPropertyStr(ctx, exception, "stack");
      fprintf(stderr, "%s\n%s", JS_ToCString(ctx, exception), JS_ToCString(ctx, stack));
      stop("compile", argv[i + 1]);
    }
    uint8_t *bytes = JS_WriteObject(ctx, &size, code, flags);
    if (!bytes || fwrite(bytes, 1, size, bytecode) != size) stop("write bytecode of", argv[i]);
    fprintf(table, "%s %zu %zu\n", argv[i], offset, size);
    offset += size;
  }
  return fclose(bytecode) || fclose(table);
}
