/* The JavaScript heap's allocator. It exists for where things lie: a worker's own objects stand close together on pages of their own, so that
 * an instance of it differs from the base image in few pages. (The engine's own pool put them into half-full pages of the base image, one
 * for each size: docs/decisions/0014.)
 * Small blocks: a free list for each multiple of eight bytes, filled from chunks in order of allocation; never merged. Larger ones are
 * malloc's. A word before each block says which. Must not be used for anything but the engine's heap. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "hostel.h"

#define STEP 8
#define SMALL_MAX 1024 /* header included */
#define CLASSES (SMALL_MAX / STEP + 1)
#define LARGE 0
#define HEADER 4
#define LARGE_HEADER 8
#define CHUNK_BYTES (64 * 1024)
/* After sealing: room that is there already, so that most workers never make the memory grow. */
#define FIRST_CHUNK_BYTES (512 * 1024)
#define PAGE 4096

static void *lists[CLASSES];
static uint8_t *fresh, *fresh_end;
/* The highest block malloc has given. */
static uint8_t *highest;
/* While the base image is made: what is freed is cleared, so that no garbage becomes part of every instance. */
static bool scrubbing = true;

static inline uint32_t *header_of(void *block)
{
    return (uint32_t *)((uint8_t *)block - HEADER);
}

static void *failed(void)
{
    hostel_control_block[CONTROL_FLAGS] |= FLAG_OUT_OF_MEMORY;
    return NULL;
}

static void *from_malloc(size_t size)
{
    uint8_t *block = malloc(size);
    if (block > highest)
        highest = block;
    return block;
}

/* Payloads are eight-byte aligned; what was left of the chunk before is lost. */
static bool refill(void)
{
    uint8_t *chunk = from_malloc(CHUNK_BYTES);
    if (!chunk)
        return false;
    fresh = chunk + STEP - HEADER;
    fresh_end = chunk + CHUNK_BYTES;
    return true;
}

static void *large(size_t size)
{
    uint8_t *base = size > SIZE_MAX - LARGE_HEADER ? NULL : from_malloc(size + LARGE_HEADER);
    if (!base)
        return failed();
    *header_of(base + LARGE_HEADER) = LARGE;
    return base + LARGE_HEADER;
}

static void *heap_malloc(void *opaque, size_t size)
{
    (void)opaque;
    if (size > SMALL_MAX - HEADER)
        return large(size);
    if (!size)
        size = 1;
    size_t index = (size + HEADER + STEP - 1) / STEP;
    void *block = lists[index];
    if (block) {
        lists[index] = *(void **)block;
        return block;
    }
    size_t total = index * STEP;
    if ((size_t)(fresh_end - fresh) < total && !refill())
        return failed();
    block = fresh + HEADER;
    *header_of(block) = index;
    fresh += total;
    return block;
}

static void *heap_calloc(void *opaque, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return failed();
    void *block = heap_malloc(opaque, total);
    if (block)
        memset(block, 0, total);
    return block;
}

static size_t heap_usable(const void *block)
{
    if (!block)
        return 0;
    uint32_t index = *header_of((void *)block);
    return index == LARGE ? malloc_usable_size((uint8_t *)block - LARGE_HEADER) - LARGE_HEADER : index * STEP - HEADER;
}

static void heap_free(void *opaque, void *block)
{
    (void)opaque;
    if (!block)
        return;
    uint32_t index = *header_of(block);
    if (scrubbing)
        memset(block, 0, heap_usable(block));
    if (index == LARGE) {
        free((uint8_t *)block - LARGE_HEADER);
        return;
    }
    *(void **)block = lists[index];
    lists[index] = block;
}

static void *heap_realloc(void *opaque, void *block, size_t size)
{
    if (!block)
        return heap_malloc(opaque, size);
    if (!size) {
        heap_free(opaque, block);
        return NULL;
    }
    size_t usable = heap_usable(block);
    bool is_large = *header_of(block) == LARGE;
    if (is_large && size > SMALL_MAX - HEADER && !scrubbing) {
        uint8_t *base = size > SIZE_MAX - LARGE_HEADER ? NULL : realloc((uint8_t *)block - LARGE_HEADER, size + LARGE_HEADER);
        return base ? base + LARGE_HEADER : failed();
    }
    /* A small block is kept until it is too small, or more than twice too large. */
    if (size <= usable && (is_large ? size > usable / 2 : size + HEADER > usable / 2))
        return block;
    void *moved = heap_malloc(opaque, size);
    if (!moved)
        return NULL;
    memcpy(moved, block, size < usable ? size : usable);
    heap_free(opaque, block);
    return moved;
}

const JSMallocFunctions heap_functions = {heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable};

/* Lose what is free, leaving nothing behind in it: an instance that used it would copy a page of the base image for it. */
static void forget_free(void)
{
    for (size_t index = 0; index < CLASSES; index++)
        while (lists[index]) {
            void *block = lists[index];
            lists[index] = *(void **)block;
            *(void **)block = NULL;
            *header_of(block) = 0;
        }
    /* The same for malloc's holes. */
    for (size_t size = CHUNK_BYTES; size >= 8; size = size > 128 ? size / 2 : size - 8)
        for (;;) {
            uint8_t *hole = malloc(size);
            if (!hole || hole > highest) {
                free(hole);
                break;
            }
        }
}

void heap_seal(void)
{
    scrubbing = false;
    forget_free();
    uint8_t *chunk = malloc(FIRST_CHUNK_BYTES + PAGE);
    if (!chunk)
        return;
    uintptr_t start = ((uintptr_t)chunk + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    fresh = (uint8_t *)start + STEP - HEADER;
    fresh_end = (uint8_t *)start + FIRST_CHUNK_BYTES;
}
