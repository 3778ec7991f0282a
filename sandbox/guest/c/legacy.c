/* The legacy decoders of the Encoding standard (sections 9 to 14). The tables are made by encodings.py when the guest is built.
 * A call decodes what is complete and says how many bytes at the end are not; the JavaScript layer brings those again with the next piece.
 * Must not know labels nor byte order marks. */
#include <stdlib.h>

#include "hostel.h"

#include "encodings.inc"

/* Numbers that encoding-legacy.js gives: single-byte encodings come behind these. */
enum { BIG5, EUC_JP, EUC_KR, GB18030, ISO_2022_JP, SHIFT_JIS, X_USER_DEFINED, SINGLE_BYTE };
/* ISO-2022-JP: what bytes mean now, and whether an escape sequence came last. */
enum { ASCII, ROMAN, KATAKANA, LEAD, ESCAPED = 8 };

#define REPLACEMENT 0xfffd
#define COUNT(table) (sizeof(table) / sizeof *(table))

typedef struct {
    const uint8_t *bytes;
    size_t length, at;
    /* No more bytes will come. */
    bool flush;
    uint32_t state;
    uint16_t *out;
    size_t written;
    bool faulty;
} Decoder;

static void put(Decoder *decoder, uint32_t point)
{
    if (point > 0xffff) {
        decoder->out[decoder->written++] = 0xd800 + ((point - 0x10000) >> 10);
        point = 0xdc00 + (point & 0x3ff);
    }
    decoder->out[decoder->written++] = point;
}

static void fault(Decoder *decoder)
{
    decoder->faulty = true;
    put(decoder, REPLACEMENT);
}

static inline bool within(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* Whether `count` more bytes are missing behind the lead byte; at the end of all input that is one fault for what there is. */
static bool short_of(Decoder *decoder, size_t count)
{
    if (decoder->at + count < decoder->length)
        return false;
    if (decoder->flush) {
        fault(decoder);
        decoder->at = decoder->length;
    }
    return true;
}

/* The end of a two-byte sequence: `point` is 0 when it stands for nothing, and then a trail byte that is ASCII counts for itself. */
static void pair(Decoder *decoder, uint32_t point, size_t size)
{
    if (point) {
        put(decoder, point);
        decoder->at += size;
        return;
    }
    fault(decoder);
    decoder->at += decoder->bytes[decoder->at + size - 1] < 0x80 ? size - 1 : size;
}

static bool step_big5(Decoder *decoder)
{
    uint8_t lead = decoder->bytes[decoder->at];
    if (!within(lead, 0x81, 0xfe)) {
        fault(decoder);
        decoder->at++;
        return true;
    }
    if (short_of(decoder, 1))
        return false;
    uint8_t trail = decoder->bytes[decoder->at + 1];
    uint32_t point = 0;
    if (within(trail, 0x40, 0x7e) || within(trail, 0xa1, 0xfe)) {
        uint32_t pointer = (lead - 0x81) * 157 + trail - (trail < 0x7f ? 0x40 : 0x62);
        if (pointer == 1133 || pointer == 1135 || pointer == 1164 || pointer == 1166) {
            put(decoder, pointer < 1150 ? 0xca : 0xea);
            put(decoder, pointer == 1133 || pointer == 1164 ? 0x304 : 0x30c);
            decoder->at += 2;
            return true;
        }
        if (pointer < COUNT(big5))
            point = big5[pointer] | (uint32_t)(big5_planes[pointer / 8] >> pointer % 8 & 1) << 17;
    }
    pair(decoder, point, 2);
    return true;
}

static bool step_euc_jp(Decoder *decoder)
{
    const uint8_t *at = decoder->bytes + decoder->at;
    if (*at != 0x8e && *at != 0x8f && !within(*at, 0xa1, 0xfe)) {
        fault(decoder);
        decoder->at++;
        return true;
    }
    if (short_of(decoder, 1))
        return false;
    if (*at == 0x8e) {
        pair(decoder, within(at[1], 0xa1, 0xdf) ? 0xff61 - 0xa1 + at[1] : 0, 2);
    } else if (*at == 0x8f && within(at[1], 0xa1, 0xfe)) {
        if (short_of(decoder, 2))
            return false;
        pair(decoder, within(at[2], 0xa1, 0xfe) ? jis0212[(at[1] - 0xa1) * 94 + at[2] - 0xa1] : 0, 3);
    } else {
        pair(decoder, *at != 0x8f && within(at[1], 0xa1, 0xfe) ? jis0208[(*at - 0xa1) * 94 + at[1] - 0xa1] : 0, 2);
    }
    return true;
}

static bool step_euc_kr(Decoder *decoder)
{
    uint8_t lead = decoder->bytes[decoder->at];
    if (!within(lead, 0x81, 0xfe)) {
        fault(decoder);
        decoder->at++;
        return true;
    }
    if (short_of(decoder, 1))
        return false;
    uint8_t trail = decoder->bytes[decoder->at + 1];
    uint32_t pointer = (lead - 0x81) * 190 + trail - 0x41;
    pair(decoder, within(trail, 0x41, 0xfe) && pointer < COUNT(euc_kr) ? euc_kr[pointer] : 0, 2);
    return true;
}

static uint32_t gb_four(uint32_t pointer)
{
    if ((pointer > 39419 && pointer < 189000) || pointer > 1237575)
        return 0;
    if (pointer >= 189000)
        return pointer - 189000 + 0x10000;
    if (pointer == 7457)
        return 0xe7c7;
    size_t low = 0, high = COUNT(gb_pointers);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (gb_pointers[middle] <= pointer)
            low = middle;
        else
            high = middle;
    }
    return gb_points[low] + pointer - gb_pointers[low];
}

static bool step_gb18030(Decoder *decoder)
{
    const uint8_t *at = decoder->bytes + decoder->at;
    if (!within(*at, 0x81, 0xfe)) {
        if (*at == 0x80)
            put(decoder, 0x20ac);
        else
            fault(decoder);
        decoder->at++;
        return true;
    }
    if (short_of(decoder, 1))
        return false;
    if (!within(at[1], 0x30, 0x39)) {
        uint32_t pointer = (*at - 0x81) * 190 + at[1] - (at[1] < 0x7f ? 0x40 : 0x41);
        pair(decoder, within(at[1], 0x40, 0x7e) || within(at[1], 0x80, 0xfe) ? gb18030[pointer] : 0, 2);
        return true;
    }
    if (short_of(decoder, 2))
        return false;
    if (within(at[2], 0x81, 0xfe)) {
        if (short_of(decoder, 3))
            return false;
        if (within(at[3], 0x30, 0x39)) {
            uint32_t point = gb_four(((at[0] - 0x81) * 10 + at[1] - 0x30) * 1260 + (at[2] - 0x81) * 10 + at[3] - 0x30);
            if (point)
                put(decoder, point);
            else
                fault(decoder);
            decoder->at += 4;
            return true;
        }
    }
    /* The lead byte alone is wrong. */
    fault(decoder);
    decoder->at++;
    return true;
}

static bool step_shift_jis(Decoder *decoder)
{
    uint8_t lead = decoder->bytes[decoder->at];
    if (lead == 0x80 || within(lead, 0xa1, 0xdf)) {
        put(decoder, lead == 0x80 ? 0x80 : 0xff61 - 0xa1 + lead);
        decoder->at++;
        return true;
    }
    if (!within(lead, 0x81, 0x9f) && !within(lead, 0xe0, 0xfc)) {
        fault(decoder);
        decoder->at++;
        return true;
    }
    if (short_of(decoder, 1))
        return false;
    uint8_t trail = decoder->bytes[decoder->at + 1];
    uint32_t point = 0;
    if (within(trail, 0x40, 0x7e) || within(trail, 0x80, 0xfc)) {
        uint32_t pointer = (lead - (lead < 0xa0 ? 0x81 : 0xc1)) * 188 + trail - (trail < 0x7f ? 0x40 : 0x41);
        if (pointer >= 8836 && pointer <= 10715)
            point = 0xe000 - 8836 + pointer;
        else if (pointer < COUNT(jis0208))
            point = jis0208[pointer];
    }
    pair(decoder, point, 2);
    return true;
}

static bool escape_jp(Decoder *decoder)
{
    const uint8_t *at = decoder->bytes + decoder->at;
    size_t left = decoder->length - decoder->at;
    if (!decoder->flush && (left < 2 || ((at[1] == '(' || at[1] == '$') && left < 3)))
        return false;
    int mode = -1;
    if (left > 2 && at[1] == '(')
        mode = at[2] == 'B' ? ASCII : at[2] == 'J' ? ROMAN : at[2] == 'I' ? KATAKANA : -1;
    else if (left > 2 && at[1] == '$' && (at[2] == '@' || at[2] == 'B'))
        mode = LEAD;
    if (mode < 0) {
        decoder->state &= ~ESCAPED;
        fault(decoder);
        decoder->at++;
        return true;
    }
    if (decoder->state & ESCAPED)
        fault(decoder);
    decoder->state = mode | ESCAPED;
    decoder->at += 3;
    return true;
}

static bool step_iso_2022_jp(Decoder *decoder)
{
    const uint8_t *at = decoder->bytes + decoder->at;
    uint32_t mode = decoder->state & ~ESCAPED;
    if (*at == 0x1b)
        return escape_jp(decoder);
    if (mode == LEAD && within(*at, 0x21, 0x7e)) {
        if (short_of(decoder, 1))
            return false;
        decoder->state = LEAD;
        if (at[1] == 0x1b) {
            fault(decoder);
            decoder->at++;
            return true;
        }
        uint32_t point = within(at[1], 0x21, 0x7e) ? jis0208[(*at - 0x21) * 94 + at[1] - 0x21] : 0;
        if (point)
            put(decoder, point);
        else
            fault(decoder);
        decoder->at += 2;
        return true;
    }
    decoder->state = mode;
    decoder->at++;
    if (mode == KATAKANA && within(*at, 0x21, 0x5f))
        put(decoder, 0xff61 - 0x21 + *at);
    else if (mode <= ROMAN && *at < 0x80 && *at != 0x0e && *at != 0x0f)
        put(decoder, mode == ROMAN && *at == 0x5c ? 0xa5 : mode == ROMAN && *at == 0x7e ? 0x203e : *at);
    else
        fault(decoder);
    return true;
}

static bool step_single(Decoder *decoder, uint32_t encoding)
{
    uint8_t byte = decoder->bytes[decoder->at++];
    uint32_t point = encoding == X_USER_DEFINED ? 0xf780 + byte - 0x80 : single_byte[encoding - SINGLE_BYTE][byte - 0x80];
    if (point)
        put(decoder, point);
    else
        fault(decoder);
    return true;
}

static bool step(Decoder *decoder, uint32_t encoding)
{
    switch (encoding) {
    case BIG5:
        return step_big5(decoder);
    case EUC_JP:
        return step_euc_jp(decoder);
    case EUC_KR:
        return step_euc_kr(decoder);
    case GB18030:
        return step_gb18030(decoder);
    case SHIFT_JIS:
        return step_shift_jis(decoder);
    default:
        return step_single(decoder, encoding);
    }
}

/* [string, bytes at the end that are incomplete, state], or an exception: a TypeError when `fatal` and something is wrong. */
JSValue legacy_decode(JSContext *ctx, uint32_t encoding, const uint8_t *bytes, size_t length, bool flush, bool fatal, uint32_t state)
{
    if (encoding >= SINGLE_BYTE + COUNT(single_byte) || (state & ~ESCAPED) > LEAD)
        return JS_ThrowInternalError(ctx, "no such encoding");
    /* No byte gives more than a unit, but for two of Big5's that give two each, and the fault at the end. */
    uint16_t *out = malloc((length + 2) * sizeof *out);
    if (!out)
        return JS_ThrowOutOfMemory(ctx);
    Decoder decoder = {bytes, length, 0, flush, state, out, 0, false};
    for (bool more = true; more && decoder.at < length && !(fatal && decoder.faulty);) {
        if (encoding == ISO_2022_JP)
            more = step_iso_2022_jp(&decoder);
        else if (bytes[decoder.at] < 0x80)
            put(&decoder, bytes[decoder.at++]);
        else
            more = step(&decoder, encoding);
    }
    JSValue text = fatal && decoder.faulty ? JS_ThrowTypeError(ctx, "The encoded data was not valid") : JS_NewStringUTF16(ctx, out, decoder.written);
    free(out);
    if (JS_IsException(text))
        return text;
    JSValue result = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, result, 0, text);
    JS_SetPropertyUint32(ctx, result, 1, JS_NewInt64(ctx, length - decoder.at));
    JS_SetPropertyUint32(ctx, result, 2, JS_NewUint32(ctx, decoder.state));
    return result;
}
