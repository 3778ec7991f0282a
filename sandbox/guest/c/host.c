/* The `host` object: what the JavaScript layer may ask of C. Tenant code never sees it.
 * Each function checks its own arguments; none keeps state but the outbox and the random generator. */
#include <string.h>

#include "hostel.h"

#define ARGS JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv
#define UNUSED (void)ctx, (void)self, (void)argc, (void)argv

/* One field of an effect by its format letter (docs/protocol.md, "Frames"). */
static int write_field(JSContext *ctx, char format, JSValueConst value)
{
    uint32_t number;
    double real;
    size_t length;
    const uint8_t *bytes;
    switch (format) {
    case 'u':
        if (JS_ToUint32(ctx, &number, value) < 0)
            return -1;
        outbox_u32(number);
        return 0;
    case 'd':
        if (JS_ToFloat64(ctx, &real, value) < 0)
            return -1;
        outbox_f64(real);
        return 0;
    case 's':
        return text_write_utf8(ctx, value);
    case 'b':
        if (JS_IsUndefined(value) || JS_IsNull(value)) {
            outbox_u32(0);
            return 0;
        }
        bytes = bytes_of(ctx, value, &length);
        if (!bytes && length)
            return -1;
        outbox_run(bytes, length);
        return 0;
    case 'h':
        return text_write_headers(ctx, value);
    default:
        JS_ThrowInternalError(ctx, "unknown field format");
        return -1;
    }
}

/* emit(op, flags, id, format, ...fields) */
static JSValue host_emit(ARGS)
{
    uint32_t op, flags, id;
    (void)self;
    if (argc < 4 || JS_ToUint32(ctx, &op, argv[0]) < 0 || JS_ToUint32(ctx, &flags, argv[1]) < 0 || JS_ToUint32(ctx, &id, argv[2]) < 0)
        return JS_EXCEPTION;
    const char *format = JS_ToCString(ctx, argv[3]);
    if (!format)
        return JS_EXCEPTION;
    size_t start = outbox_begin((uint16_t)op, (uint16_t)flags, id);
    int failed = 0;
    for (int i = 0; format[i] && !failed; i++)
        failed = write_field(ctx, format[i], i + 4 < argc ? argv[i + 4] : JS_UNDEFINED);
    JS_FreeCString(ctx, format);
    if (failed) {
        outbox_rewind(start);
        return JS_EXCEPTION;
    }
    outbox_end(start);
    return JS_UNDEFINED;
}

static JSValue host_random(ARGS)
{
    UNUSED;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
    if (!bytes && length)
        return JS_EXCEPTION;
    if (length)
        random_fill((uint8_t *)bytes, length);
    return JS_DupValue(ctx, argv[0]);
}

static JSValue host_math_random(ARGS)
{
    UNUSED;
    return JS_NewFloat64(ctx, random_unit());
}

static JSValue host_now(ARGS)
{
    UNUSED;
    return JS_NewFloat64(ctx, clock_now());
}

static JSValue host_utf8_encode(ARGS)
{
    UNUSED;
    return text_encode_utf8(ctx, argv[0]);
}

static JSValue host_utf8_decode(ARGS)
{
    UNUSED;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
    if (!bytes)
        return length ? JS_EXCEPTION : JS_NewStringLen(ctx, "", 0);
    return text_decode_utf8(ctx, bytes, length, JS_ToBool(ctx, argv[1]), JS_ToBool(ctx, argv[2]));
}

static JSValue host_latin1_encode(ARGS)
{
    UNUSED;
    return text_encode_latin1(ctx, argv[0]);
}

static JSValue host_latin1_decode(ARGS)
{
    UNUSED;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
    if (!bytes)
        return length ? JS_EXCEPTION : JS_NewStringLen(ctx, "", 0);
    return text_decode_latin1(ctx, bytes, length);
}

static JSValue host_headers(ARGS)
{
    UNUSED;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
    if (!bytes)
        length = 0;
    return text_split_headers(ctx, bytes, length);
}

static JSValue host_serialize(ARGS)
{
    UNUSED;
    size_t length;
    uint8_t *bytes = JS_WriteObject(ctx, &length, argv[0], JS_WRITE_OBJ_REFERENCE);
    if (!bytes)
        return JS_EXCEPTION;
    JSValue array = JS_NewUint8ArrayCopy(ctx, bytes, length);
    js_free(ctx, bytes);
    return array;
}

static JSValue host_deserialize(ARGS)
{
    UNUSED;
    size_t length = 0;
    const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
    if (!bytes)
        return JS_EXCEPTION;
    return JS_ReadObject(ctx, bytes, length, JS_READ_OBJ_REFERENCE);
}

static JSValue host_import_main(ARGS)
{
    UNUSED;
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name)
        return JS_EXCEPTION;
    JSValue promise = JS_LoadModule(ctx, "", name);
    JS_FreeCString(ctx, name);
    return promise;
}

static JSValue host_set_builtin(ARGS)
{
    UNUSED;
    return modules_add_builtin(ctx, argv[0], argv[1]) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

static JSValue host_promise_state(ARGS)
{
    UNUSED;
    return JS_NewInt32(ctx, (int32_t)JS_PromiseState(ctx, argv[0]));
}

static JSValue host_promise_result(ARGS)
{
    UNUSED;
    return JS_PromiseResult(ctx, argv[0]);
}

static JSValue host_detach(ARGS)
{
    UNUSED;
    JS_DetachArrayBuffer(ctx, argv[0]);
    return JS_UNDEFINED;
}

static JSValue host_is_error(ARGS)
{
    UNUSED;
    return JS_NewBool(ctx, JS_IsError(argv[0]));
}

static JSValue host_class_of(ARGS)
{
    UNUSED;
    /* A proxy of anything is of the class "Object" to the engine; nothing of it may be read without running its traps. */
    if (JS_IsProxy(argv[0]))
        return JS_NewString(ctx, "Proxy");
    JSClassID class_id = JS_GetClassID(argv[0]);
    if (class_id == JS_INVALID_CLASS_ID)
        return JS_UNDEFINED;
    JSAtom atom = JS_GetClassName(JS_GetRuntime(ctx), class_id);
    JSValue name = JS_AtomToString(ctx, atom);
    JS_FreeAtom(ctx, atom);
    return name;
}

static JSValue host_digest_begin(ARGS)
{
    UNUSED;
    return digest_begin(ctx, argv[0]);
}

static JSValue host_digest_update(ARGS)
{
    UNUSED;
    return digest_update(ctx, argv[0], argv[1]);
}

static JSValue host_digest_finish(ARGS)
{
    UNUSED;
    return digest_finish(ctx, argv[0]);
}

static JSValue host_bytes_equal(ARGS)
{
    UNUSED;
    return digest_equal(ctx, argv[0], argv[1]);
}

static JSValue host_async_context(ARGS)
{
    UNUSED;
    return JS_GetAsyncContext(ctx);
}

static JSValue host_set_async_context(ARGS)
{
    UNUSED;
    JS_SetAsyncContext(ctx, JS_DupValue(ctx, argv[0]));
    return JS_UNDEFINED;
}

/* legacyDecode(encoding, bytes, flush, fatal, state) */
static JSValue host_legacy_decode(ARGS)
{
    UNUSED;
    uint32_t encoding, state;
    size_t length = 0;
    if (JS_ToUint32(ctx, &encoding, argv[0]) < 0 || JS_ToUint32(ctx, &state, argv[4]) < 0)
        return JS_EXCEPTION;
    const uint8_t *bytes = bytes_of(ctx, argv[1], &length);
    if (!bytes && length)
        return JS_EXCEPTION;
    return legacy_decode(ctx, encoding, bytes, length, JS_ToBool(ctx, argv[2]), JS_ToBool(ctx, argv[3]), state);
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("emit", 4, host_emit),
    JS_CFUNC_DEF("random", 1, host_random),
    JS_CFUNC_DEF("mathRandom", 0, host_math_random),
    JS_CFUNC_DEF("now", 0, host_now),
    JS_CFUNC_DEF("utf8Encode", 1, host_utf8_encode),
    JS_CFUNC_DEF("utf8Decode", 3, host_utf8_decode),
    JS_CFUNC_DEF("latin1Encode", 1, host_latin1_encode),
    JS_CFUNC_DEF("latin1Decode", 1, host_latin1_decode),
    JS_CFUNC_DEF("headers", 1, host_headers),
    JS_CFUNC_DEF("serialize", 1, host_serialize),
    JS_CFUNC_DEF("deserialize", 1, host_deserialize),
    JS_CFUNC_DEF("importMain", 1, host_import_main),
    JS_CFUNC_DEF("setBuiltin", 2, host_set_builtin),
    JS_CFUNC_DEF("promiseState", 1, host_promise_state),
    JS_CFUNC_DEF("promiseResult", 1, host_promise_result),
    JS_CFUNC_DEF("detach", 1, host_detach),
    JS_CFUNC_DEF("isError", 1, host_is_error),
    JS_CFUNC_DEF("classOf", 1, host_class_of),
    JS_CFUNC_DEF("asyncContext", 0, host_async_context),
    JS_CFUNC_DEF("setAsyncContext", 1, host_set_async_context),
    JS_CFUNC_DEF("legacyDecode", 5, host_legacy_decode),
    JS_CFUNC_DEF("digestBegin", 1, host_digest_begin),
    JS_CFUNC_DEF("digestUpdate", 2, host_digest_update),
    JS_CFUNC_DEF("digestFinish", 1, host_digest_finish),
    JS_CFUNC_DEF("bytesEqual", 2, host_bytes_equal),
};

JSValue host_object(JSContext *ctx)
{
    JSValue host = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, host, functions, sizeof functions / sizeof *functions);
    return host;
}
