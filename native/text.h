// UTF-8 as the Encoding Standard has it (https://encoding.spec.whatwg.org/#utf-8), which is what TextEncoder and TextDecoder promise.
#pragma once
#include <stdint.h>
#include <string.h>
#include "quickjs.h"

// UTF-8 of a string, each lone surrogate as U+FFFD.
static JSValue encode_utf8(JSContext *ctx, JSValueConst text) {
  size_t length;
  const char *encoded = JS_ToCStringLen(ctx, &length, text);
  if (!encoded) return JS_EXCEPTION;
  JSValue bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)encoded, length);
  JS_FreeCString(ctx, encoded);
  if (JS_IsException(bytes)) return bytes;
  uint8_t *at = JS_GetUint8Array(ctx, &length, bytes);
  // The engine writes a lone surrogate as three bytes that no other character begins with.
  for (size_t i = 0; i + 2 < length; i++)
    if (at[i] == 0xed && at[i + 1] >= 0xa0) at[i] = 0xef, at[i + 1] = 0xbf, at[i + 2] = 0xbd;
  return bytes;
}

// Length of the character that begins at `at`, or of what begins like one and goes on wrong, below zero.
static int utf8_length(const uint8_t *at, const uint8_t *end) {
  uint8_t first = at[0], low = 0x80, high = 0xbf;
  if (first < 0x80) return 1;
  int wanted = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  if (wanted == 0) return -1;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  for (int i = 1; i <= wanted; i++, low = 0x80, high = 0xbf)
    if (at + i >= end || at[i] < low || at[i] > high) return -i;
  return wanted + 1;
}

// The string of UTF-8 bytes, U+FFFD for each part that is none.
static JSValue decode_utf8(JSContext *ctx, const uint8_t *bytes, size_t size) {
  const uint8_t *end = bytes + size, *at = bytes;
  for (int length; at < end && (length = utf8_length(at, end)) > 0;) at += length;
  if (at == end) return JS_NewStringLen(ctx, (const char *)bytes, size);
  uint16_t *units = js_malloc(ctx, size * sizeof *units);
  if (!units) return JS_EXCEPTION;
  size_t count = 0;
  for (at = bytes; at < end;) {
    int length = utf8_length(at, end);
    uint32_t point = length == 1 ? at[0] : length == 2 ? at[0] & 0x1f : length == 3 ? at[0] & 0x0f : at[0] & 0x07;
    for (int i = 1; i < length; i++) point = point << 6 | (at[i] & 0x3f);
    if (length < 0) point = 0xfffd;
    if (point > 0xffff) {
      units[count++] = 0xd800 + ((point - 0x10000) >> 10);
      units[count++] = 0xdc00 + ((point - 0x10000) & 0x3ff);
    } else {
      units[count++] = point;
    }
    at += length < 0 ? -length : length;
  }
  JSValue text = JS_NewStringUTF16(ctx, units, count);
  js_free(ctx, units);
  return text;
}
