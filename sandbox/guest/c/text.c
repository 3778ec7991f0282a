/* Text at the border: UTF-8 by the WHATWG Encoding standard's decoder, Latin-1 for header bytes, header blocks.
 * Must not know what the text is for. */
#include <stdlib.h>
#include <string.h>

#include "hostel.h"

const uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length)
{
    /* JS_GetArrayBuffer throws for anything else; a typed array is asked for its buffer first. */
    if (JS_IsArrayBuffer(value))
        return JS_GetArrayBuffer(ctx, length, value);
    size_t offset, size;
    if (JS_GetTypedArrayType(value) >= 0) {
        JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &size, NULL);
        if (JS_IsException(buffer))
            return NULL;
        size_t whole;
        const uint8_t *at = JS_GetArrayBuffer(ctx, &whole, buffer);
        JS_FreeValue(ctx, buffer);
        if (!at)
            return NULL;
        *length = size;
        return at + offset;
    }
    JS_ThrowTypeError(ctx, "bytes expected");
    return NULL;
}

/* One step of the WHATWG UTF-8 decoder: the length of the valid sequence at `at`, or 0 with `*skip` = how many
 * bytes one U+FFFD stands for. */
static size_t sequence(const uint8_t *at, const uint8_t *end, size_t *skip)
{
    uint8_t lead = *at, low = 0x80, high = 0xbf;
    size_t needed;
    if (lead < 0x80)
        return 1;
    *skip = 1;
    if (lead >= 0xc2 && lead <= 0xdf) {
        needed = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        needed = 2;
        if (lead == 0xe0)
            low = 0xa0;
        if (lead == 0xed)
            high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        needed = 3;
        if (lead == 0xf0)
            low = 0x90;
        if (lead == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    for (size_t i = 1; i <= needed; i++) {
        if (at + i >= end || at[i] < low || at[i] > high) {
            *skip = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return needed + 1;
}

JSValue text_decode_utf8(JSContext *ctx, const uint8_t *bytes, size_t length, bool fatal, bool keep_bom)
{
    if (!keep_bom && length >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
        bytes += 3;
        length -= 3;
    }
    const uint8_t *end = bytes + length, *at = bytes;
    size_t skip = 0, step, faults = 0;
    while (at < end) {
        step = sequence(at, end, &skip);
        if (!step) {
            if (fatal)
                return JS_ThrowTypeError(ctx, "The encoded data was not valid for encoding utf-8");
            faults++;
        }
        at += step ? step : skip;
    }
    if (!faults)
        return JS_NewStringLen(ctx, (const char *)bytes, length);
    uint8_t *fixed = js_malloc(ctx, length + 3 * faults);
    if (!fixed)
        return JS_EXCEPTION;
    uint8_t *out = fixed;
    for (at = bytes; at < end;) {
        step = sequence(at, end, &skip);
        if (step) {
            memcpy(out, at, step);
            out += step;
            at += step;
        } else {
            memcpy(out, "\xef\xbf\xbd", 3);
            out += 3;
            at += skip;
        }
    }
    JSValue text = JS_NewStringLen(ctx, (const char *)fixed, (size_t)(out - fixed));
    js_free(ctx, fixed);
    return text;
}

JSValue text_decode_latin1(JSContext *ctx, const uint8_t *bytes, size_t length)
{
    size_t wide = 0;
    for (size_t i = 0; i < length; i++)
        wide += bytes[i] >> 7;
    if (!wide)
        return JS_NewStringLen(ctx, (const char *)bytes, length);
    uint8_t *utf8 = js_malloc(ctx, length + wide), *out = utf8;
    if (!utf8)
        return JS_EXCEPTION;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 0x80) {
            *out++ = bytes[i];
        } else {
            *out++ = (uint8_t)(0xc0 | bytes[i] >> 6);
            *out++ = (uint8_t)(0x80 | (bytes[i] & 0x3f));
        }
    }
    JSValue text = JS_NewStringLen(ctx, (const char *)utf8, length + wide);
    js_free(ctx, utf8);
    return text;
}

/* The engine writes lone surrogates as three bytes (ED A0..BF xx); U+FFFD has three bytes too. */
static void mend_surrogates(uint8_t *bytes, size_t length)
{
    uint8_t *at = bytes, *end = bytes + length;
    while ((at = memchr(at, 0xed, (size_t)(end - at))) && end - at >= 3) {
        if (at[1] >= 0xa0)
            memcpy(at, "\xef\xbf\xbd", 3);
        at += 3;
    }
}

static size_t to_latin1(uint8_t *out, const uint8_t *utf8, size_t length)
{
    uint8_t *start = out;
    for (size_t i = 0; i < length; i++) {
        if (utf8[i] < 0x80)
            *out++ = utf8[i];
        else if ((utf8[i] == 0xc2 || utf8[i] == 0xc3) && i + 1 < length)
            *out++ = (uint8_t)(utf8[i] << 6 | (utf8[++i] & 0x3f));
        else
            *out++ = '?'; /* JavaScript checks for byte strings; this is only the last resort. */
    }
    return (size_t)(out - start);
}

int text_write_utf8(JSContext *ctx, JSValueConst value)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    if (!text)
        return -1;
    outbox_u32((uint32_t)length);
    size_t at = outbox_mark();
    outbox_raw(text, length);
    JS_FreeCString(ctx, text);
    if (length)
        mend_surrogates(outbox_at(at), length);
    return 0;
}

int text_write_latin1(JSContext *ctx, JSValueConst value)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    if (!text)
        return -1;
    uint8_t small[512], *bytes = length <= sizeof small ? small : js_malloc(ctx, length);
    if (bytes)
        outbox_raw(bytes, to_latin1(bytes, (const uint8_t *)text, length));
    if (bytes != small)
        js_free(ctx, bytes);
    JS_FreeCString(ctx, text);
    return bytes ? 0 : -1;
}

JSValue text_encode_utf8(JSContext *ctx, JSValueConst value)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    if (!text)
        return JS_EXCEPTION;
    JSValue array = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    if (!JS_IsException(array)) {
        size_t size;
        mend_surrogates((uint8_t *)bytes_of(ctx, array, &size), length);
    }
    return array;
}

JSValue text_encode_latin1(JSContext *ctx, JSValueConst value)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    if (!text)
        return JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, length ? length : 1);
    JSValue array = JS_EXCEPTION;
    if (bytes) {
        array = JS_NewUint8ArrayCopy(ctx, bytes, to_latin1(bytes, (const uint8_t *)text, length));
        js_free(ctx, bytes);
    }
    JS_FreeCString(ctx, text);
    return array;
}

JSValue text_split_headers(JSContext *ctx, const uint8_t *block, size_t length)
{
    JSValue flat = JS_NewArray(ctx);
    const uint8_t *end = block + length;
    for (uint32_t index = 0; length && block <= end; index++) {
        const uint8_t *stop = memchr(block, '\n', (size_t)(end - block));
        if (!stop)
            stop = end;
        JSValue item = text_decode_latin1(ctx, block, (size_t)(stop - block));
        if (JS_IsException(item) || JS_SetPropertyUint32(ctx, flat, index, item) < 0) {
            JS_FreeValue(ctx, flat);
            return JS_EXCEPTION;
        }
        block = stop + 1;
    }
    return flat;
}

int text_write_headers(JSContext *ctx, JSValueConst flat)
{
    int64_t count;
    if (JS_GetLength(ctx, flat, &count) < 0)
        return -1;
    size_t at = outbox_mark();
    outbox_u32(0);
    for (int64_t i = 0; i < count; i++) {
        if (i)
            outbox_raw("\n", 1);
        JSValue item = JS_GetPropertyUint32(ctx, flat, (uint32_t)i);
        int failed = JS_IsException(item) ? -1 : text_write_latin1(ctx, item);
        JS_FreeValue(ctx, item);
        if (failed)
            return -1;
    }
    outbox_patch_u32(at, (uint32_t)(outbox_mark() - at - 4));
    return 0;
}
