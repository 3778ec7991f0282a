/* The exports: making the base image and running one turn. The order of things inside a turn is docs/protocol.md's.
 * Must hold nothing of a tenant in C beyond the JavaScript heap and the module table. */
#include <stdlib.h>
#include <string.h>

#include "hostel.h"

/* The JavaScript layer, one function expression; made by the build from sandbox/guest/js (name set with -D). */
#include "bootstrap.inc"

#define EXPORT(name) __attribute__((export_name(#name)))
#define INBOX_BYTES (64 * 1024)
/* JavaScript frames may use this much of the C stack; the linker reserves twice as much (see build.py). */
#define JS_STACK_BYTES (1024 * 1024)
#define MAX_FIELDS 8

uint32_t hostel_control_block[CONTROL_WORDS];

static JSRuntime *runtime;
static JSContext *context;
static JSValue host, dispatch, end_turn, on_rejection;
static uint8_t first_inbox[INBOX_BYTES];

enum { EV_MODULE = 0x01, EV_MAP = 0x0d, EV_LAST = 0x0d };

/* Fields of each event, in order; modules.c takes MODULE and MAP itself. */
static const char *const event_fields[EV_LAST + 1] = {
    [0x02] = "sb", [0x03] = "sshssub", [0x04] = "b", [0x05] = "s", [0x06] = "u",
    [0x07] = "sb", [0x08] = "ussuhub", [0x09] = "ss", [0x0a] = "", [0x0b] = "", [0x0c] = "",
};

static void track_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool handled, void *opaque)
{
    (void)opaque;
    JSValueConst arguments[3] = {promise, reason, handled ? JS_TRUE : JS_FALSE};
    if (JS_IsFunction(ctx, on_rejection))
        JS_FreeValue(ctx, JS_Call(ctx, on_rejection, JS_UNDEFINED, 3, arguments));
}

/* An exception out of the JavaScript layer itself: said with id 0, so that it is never lost. */
static void report(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    JSValue stack = JS_IsObject(error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
    size_t start = outbox_begin(0x47, 2, 0);
    outbox_run("InternalError", 13);
    if (text_write_utf8(ctx, error) < 0 || text_write_utf8(ctx, stack) < 0)
        outbox_rewind(start);
    else
        outbox_end(start);
    JS_FreeValue(ctx, stack);
    JS_FreeValue(ctx, error);
}

static void drain(void)
{
    JSContext *ctx;
    int more;
    while ((more = JS_ExecutePendingJob(runtime, &ctx)))
        if (more < 0)
            report(ctx);
}

static JSValue read_field(Reader *reader, char format)
{
    size_t length;
    const uint8_t *bytes;
    switch (format) {
    case 'u':
        return JS_NewUint32(context, read_u32(reader));
    case 'd':
        return JS_NewFloat64(context, read_f64(reader));
    case 's':
        bytes = read_run(reader, &length);
        return text_decode_utf8(context, bytes, length, false, true);
    case 'b':
        bytes = read_run(reader, &length);
        return length ? JS_NewUint8ArrayCopy(context, bytes, length) : JS_UNDEFINED;
    default:
        bytes = read_run(reader, &length);
        return JS_NewArrayBufferCopy(context, bytes, length);
    }
}

static int run_event(uint16_t op, uint16_t flags, uint32_t id, Reader *payload)
{
    if (op == EV_MODULE) {
        size_t name_length, length;
        const uint8_t *name = read_run(payload, &name_length);
        uint32_t kind = read_u32(payload);
        const uint8_t *content = read_run(payload, &length);
        if (payload->bad)
            return TURN_MALFORMED;
        return modules_add(context, name, name_length, kind, content, length) < 0 ? TURN_MALFORMED : TURN_OK;
    }
    if (op == EV_MAP)
        return modules_add_map(context, payload) < 0 ? TURN_MALFORMED : TURN_OK;
    if (op > EV_LAST || !event_fields[op])
        return TURN_MALFORMED;
    JSValue arguments[3 + MAX_FIELDS] = {JS_NewInt32(context, op), JS_NewInt32(context, flags), JS_NewUint32(context, id)};
    int count = 3;
    for (const char *format = event_fields[op]; *format; format++)
        arguments[count++] = read_field(payload, *format);
    int result = payload->bad ? TURN_MALFORMED : TURN_OK;
    if (result == TURN_OK) {
        JS_SetAsyncContext(context, JS_UNDEFINED);
        JSValue value = JS_Call(context, dispatch, JS_UNDEFINED, count, (JSValueConst *)arguments);
        if (JS_IsException(value))
            report(context);
        JS_FreeValue(context, value);
    }
    while (count)
        JS_FreeValue(context, arguments[--count]);
    drain();
    return result;
}

EXPORT(hostel_control) uint32_t *hostel_control(void)
{
    return hostel_control_block;
}

EXPORT(hostel_reserve) uint32_t hostel_reserve(uint32_t size)
{
    uint32_t *control = hostel_control_block;
    if (size <= control[CONTROL_INBOX_SIZE])
        return control[CONTROL_INBOX];
    if (control[CONTROL_INBOX_SIZE] > INBOX_BYTES)
        free((void *)(uintptr_t)control[CONTROL_INBOX]);
    uint8_t *inbox = malloc(size);
    control[CONTROL_INBOX] = (uint32_t)(uintptr_t)(inbox ? inbox : first_inbox);
    control[CONTROL_INBOX_SIZE] = inbox ? size : INBOX_BYTES;
    if (!inbox) {
        control[CONTROL_FLAGS] |= FLAG_OUT_OF_MEMORY;
        return 0;
    }
    return control[CONTROL_INBOX];
}

EXPORT(hostel_turn) int hostel_turn(uint32_t length)
{
    uint32_t *control = hostel_control_block;
    const uint8_t *inbox = (const uint8_t *)(uintptr_t)control[CONTROL_INBOX];
    Reader reader = {inbox, inbox + length, length > control[CONTROL_INBOX_SIZE]};
    uint8_t key[32] = {0};
    int result = TURN_OK;
    control[CONTROL_FLAGS] = 0;
    outbox_clear();
    JS_UpdateStackTop(runtime);
    clock_set(read_f64(&reader));
    for (int i = 0; i < 8; i++) {
        uint32_t word = read_u32(&reader);
        memcpy(key + 4 * i, &word, sizeof word);
    }
    random_key(key);
    while (!reader.bad && reader.at < reader.end && result == TURN_OK) {
        uint32_t size = read_u32(&reader);
        uint16_t op = read_u16(&reader), flags = read_u16(&reader);
        uint32_t id = read_u32(&reader);
        if (reader.bad || (size_t)(reader.end - reader.at) < size)
            return TURN_MALFORMED;
        Reader payload = {reader.at, reader.at + size, false};
        reader.at += size;
        result = run_event(op, flags, id, &payload);
    }
    if (reader.bad)
        result = TURN_MALFORMED;
    if (result == TURN_OK) {
        JSValue value = JS_Call(context, end_turn, JS_UNDEFINED, 0, NULL);
        if (JS_IsException(value))
            report(context);
        JS_FreeValue(context, value);
        drain();
    }
    if (control[CONTROL_INBOX_SIZE] > INBOX_BYTES) {
        free((void *)(uintptr_t)control[CONTROL_INBOX]);
        control[CONTROL_INBOX] = (uint32_t)(uintptr_t)first_inbox;
        control[CONTROL_INBOX_SIZE] = INBOX_BYTES;
    }
    return result;
}

/* The JavaScript layer as bytecode without its source text, left in the outbox. Done in an instance that is then thrown away: the one
 * that becomes the base image holds only what is alive, closely packed, and its functions say "[native code]". */
EXPORT(hostel_compile) int hostel_compile(void)
{
    JSRuntime *compiler = JS_NewRuntime2(&heap_functions, NULL);
    JSContext *ctx = JS_NewContext(compiler);
    JSValue layer = JS_Eval(ctx, bootstrap_source, sizeof bootstrap_source - 1, "hostel:runtime", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(layer)) {
        report(ctx);
        return 1;
    }
    size_t length;
    uint8_t *written = JS_WriteObject(ctx, &length, layer, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
    if (!written)
        return 2;
    hostel_control_block[CONTROL_OUTBOX] = (uint32_t)(uintptr_t)written;
    hostel_control_block[CONTROL_OUTBOX_LENGTH] = length;
    return 0;
}

/* Make the base image out of the bytecode, of which there are `length` bytes in the inbox. */
EXPORT(hostel_init) int hostel_init(uint32_t length)
{
    uint32_t *control = hostel_control_block;
    uint8_t *code = (uint8_t *)(uintptr_t)control[CONTROL_INBOX];
    control[CONTROL_PROTOCOL] = HOSTEL_PROTOCOL;
    host = dispatch = end_turn = on_rejection = JS_UNDEFINED;
    runtime = JS_NewRuntime2(&heap_functions, NULL);
    JS_SetMaxStackSize(runtime, JS_STACK_BYTES);
    JS_UpdateStackTop(runtime);
    modules_install(runtime);
    context = JS_NewContext(runtime);
    json_install(context);
    host = host_object(context);
    JSValue layer = JS_EvalFunction(context, JS_ReadObject(context, code, length, JS_READ_OBJ_BYTECODE));
    memset(code, 0, length);
    free(code);
    control[CONTROL_INBOX] = (uint32_t)(uintptr_t)first_inbox;
    control[CONTROL_INBOX_SIZE] = INBOX_BYTES;
    JSValue global = JS_GetGlobalObject(context);
    JSValueConst arguments[2] = {host, global};
    JSValue value = JS_IsException(layer) ? layer : JS_Call(context, layer, JS_UNDEFINED, 2, arguments);
    if (JS_IsException(value)) {
        report(context);
        return 1;
    }
    JS_FreeValue(context, value);
    JS_FreeValue(context, layer);
    JS_FreeValue(context, global);
    dispatch = JS_GetPropertyStr(context, host, "dispatch");
    end_turn = JS_GetPropertyStr(context, host, "endTurn");
    on_rejection = JS_GetPropertyStr(context, host, "onRejection");
    JS_SetHostPromiseRejectionTracker(runtime, track_rejection, NULL);
    drain();
    JS_RunGC(runtime);
    JS_SealRuntime(runtime);
    heap_seal();
    return JS_IsFunction(context, dispatch) && JS_IsFunction(context, end_turn) ? 0 : 2;
}
