/* Frames: reading what the host wrote, writing what it will read. Must not interpret ops. */
#include <stdlib.h>
#include <string.h>

#include "hostel.h"

static uint8_t *outbox;
static size_t outbox_length, outbox_capacity;

/* What a quiet instance keeps of the outbox; more is given back at the next turn. */
#define OUTBOX_KEEP (64 * 1024)

static const uint8_t *take(Reader *reader, size_t length)
{
    if (reader->bad || (size_t)(reader->end - reader->at) < length) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += length;
    return at;
}

uint32_t read_u32(Reader *reader)
{
    uint32_t value = 0;
    const uint8_t *at = take(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

uint16_t read_u16(Reader *reader)
{
    uint16_t value = 0;
    const uint8_t *at = take(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

double read_f64(Reader *reader)
{
    double value = 0;
    const uint8_t *at = take(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

const uint8_t *read_run(Reader *reader, size_t *length)
{
    *length = read_u32(reader);
    const uint8_t *at = take(reader, *length);
    if (!at)
        *length = 0;
    return at;
}

static void publish(void)
{
    hostel_control_block[CONTROL_OUTBOX] = (uint32_t)(uintptr_t)outbox;
    hostel_control_block[CONTROL_OUTBOX_LENGTH] = (uint32_t)outbox_length;
}

void outbox_clear(void)
{
    outbox_length = 0;
    if (outbox_capacity > OUTBOX_KEEP) {
        free(outbox);
        outbox = NULL;
        outbox_capacity = 0;
    }
    publish();
}

static uint8_t *room(size_t length)
{
    if (outbox_capacity - outbox_length < length) {
        size_t capacity = outbox_capacity ? outbox_capacity : 4096;
        while (capacity - outbox_length < length)
            capacity *= 2;
        uint8_t *grown = realloc(outbox, capacity);
        if (!grown) {
            hostel_control_block[CONTROL_FLAGS] |= FLAG_OUT_OF_MEMORY;
            __builtin_trap();
        }
        outbox = grown;
        outbox_capacity = capacity;
    }
    uint8_t *at = outbox + outbox_length;
    outbox_length += length;
    return at;
}

size_t outbox_mark(void)
{
    return outbox_length;
}

void outbox_rewind(size_t mark)
{
    outbox_length = mark;
}

uint8_t *outbox_at(size_t mark)
{
    return outbox + mark;
}

void outbox_raw(const void *bytes, size_t length)
{
    if (length)
        memcpy(room(length), bytes, length);
}

void outbox_u32(uint32_t value)
{
    memcpy(room(sizeof value), &value, sizeof value);
}

void outbox_f64(double value)
{
    memcpy(room(sizeof value), &value, sizeof value);
}

void outbox_run(const void *bytes, size_t length)
{
    outbox_u32((uint32_t)length);
    outbox_raw(bytes, length);
}

void outbox_patch_u32(size_t at, uint32_t value)
{
    memcpy(outbox + at, &value, sizeof value);
}

size_t outbox_begin(uint16_t op, uint16_t flags, uint32_t id)
{
    size_t start = outbox_length;
    outbox_u32(0);
    memcpy(room(sizeof op), &op, sizeof op);
    memcpy(room(sizeof flags), &flags, sizeof flags);
    outbox_u32(id);
    return start;
}

void outbox_end(size_t start)
{
    outbox_patch_u32(start, (uint32_t)(outbox_length - start - 12));
    publish();
}
