/* The guest's C layer: what its files share.
 *
 * One translation unit per concern:
 *   wasi.c     answers what wasi-libc would ask a host, so that the module imports nothing
 *   random.c   the random generator, keyed by the host
 *   heap.c     the JavaScript heap: where objects lie
 *   seal.c     appended to the engine: what the base image holds is held for ever
 *   context.c  appended to the engine: the asynchronous context that reactions keep
 *   wire.c     reading event frames, writing effect frames
 *   text.c     UTF-8, Latin-1 and header blocks
 *   modules.c  the worker's modules and how imports resolve
 *   json.c     JSON.parse with a bound on nesting
 *   digest.c   MD5, SHA-1 and SHA-2
 *   legacy.c   the legacy encodings
 *   host.c     the `host` object that the JavaScript layer is given
 *   turn.c     the exports: start-up and one turn
 *
 * The protocol is docs/protocol.md. Nothing here may call out: there is nothing to call.
 */
#ifndef HOSTEL_H
#define HOSTEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

#define HOSTEL_PROTOCOL 1

/* Words of the control block, in order. */
enum {
    CONTROL_INBOX,
    CONTROL_INBOX_SIZE,
    CONTROL_OUTBOX,
    CONTROL_OUTBOX_LENGTH,
    CONTROL_FLAGS,
    CONTROL_PROTOCOL,
    CONTROL_HEAP,
    CONTROL_RESERVED,
    CONTROL_WORDS,
};

/* CONTROL_FLAGS: an allocation failed since the turn began. */
#define FLAG_OUT_OF_MEMORY 1u

/* What hostel_turn returns. */
enum { TURN_OK = 0, TURN_MALFORMED = 1 };

extern uint32_t hostel_control_block[CONTROL_WORDS];

/* wasi.c: the clock every part of the guest sees, milliseconds since 1970. */
void clock_set(double now_ms);
double clock_now(void);

/* seal.c, a part of the engine as it is compiled here. */
void JS_SealRuntime(JSRuntime *rt);

/* context.c, likewise. */
JSValue JS_GetAsyncContext(JSContext *ctx);
void JS_SetAsyncContext(JSContext *ctx, JSValue value);

/* heap.c; sealed when the base image is complete. */
extern const JSMallocFunctions heap_functions;
void heap_seal(void);

/* random.c: ChaCha20; a zero key keeps the one in use. */
void random_key(const uint8_t key[32]);
void random_fill(uint8_t *out, size_t length);
double random_unit(void);

/* wire.c: a cursor over event bytes. `bad` sticks once something did not fit. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
} Reader;

uint32_t read_u32(Reader *reader);
uint16_t read_u16(Reader *reader);
double read_f64(Reader *reader);
/* A length-prefixed run; `length` is 0 when the reader is bad. */
const uint8_t *read_run(Reader *reader, size_t *length);

/* wire.c: the outbox. Effects are appended; out of memory traps, since an effect must not be lost. */
void outbox_clear(void);
size_t outbox_begin(uint16_t op, uint16_t flags, uint32_t id);
void outbox_end(size_t start);
/* Takes back everything after a mark: a frame whose fields could not all be written. */
void outbox_rewind(size_t mark);
uint8_t *outbox_at(size_t mark);
void outbox_u32(uint32_t value);
void outbox_f64(double value);
void outbox_run(const void *bytes, size_t length);
void outbox_raw(const void *bytes, size_t length);
size_t outbox_mark(void);
void outbox_patch_u32(size_t at, uint32_t value);

/* text.c */
JSValue text_decode_utf8(JSContext *ctx, const uint8_t *bytes, size_t length, bool fatal, bool keep_bom);
JSValue text_decode_latin1(JSContext *ctx, const uint8_t *bytes, size_t length);
/* Appends a JavaScript string to the outbox as UTF-8 (with its length) or as Latin-1 (without); -1 on exception. */
int text_write_utf8(JSContext *ctx, JSValueConst value);
int text_write_latin1(JSContext *ctx, JSValueConst value);
JSValue text_encode_utf8(JSContext *ctx, JSValueConst value);
JSValue text_encode_latin1(JSContext *ctx, JSValueConst value);
/* A header block as a flat array of strings, or -1. */
JSValue text_split_headers(JSContext *ctx, const uint8_t *block, size_t length);
int text_write_headers(JSContext *ctx, JSValueConst flat);

/* The bytes behind an ArrayBuffer, a typed array or a DataView; NULL with an exception pending when it is none. */
const uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length);

/* modules.c */
void modules_install(JSRuntime *runtime);
int modules_add(JSContext *ctx, const uint8_t *name, size_t name_length, uint32_t kind, const uint8_t *content, size_t length);
int modules_add_map(JSContext *ctx, Reader *payload);
int modules_add_builtin(JSContext *ctx, JSValueConst name, JSValueConst object);

/* json.c: puts the bounded JSON.parse in the engine's place. */
void json_install(JSContext *ctx);

/* digest.c */
JSValue digest_begin(JSContext *ctx, JSValueConst name);
JSValue digest_update(JSContext *ctx, JSValueConst state, JSValueConst data);
JSValue digest_finish(JSContext *ctx, JSValueConst state);
JSValue digest_equal(JSContext *ctx, JSValueConst one, JSValueConst other);

/* legacy.c */
JSValue legacy_decode(JSContext *ctx, uint32_t encoding, const uint8_t *bytes, size_t length, bool flush, bool fatal, uint32_t state);

/* host.c: makes the object; turn.c keeps it. */
JSValue host_object(JSContext *ctx);

#endif
