/* The few WASI calls that wasi-libc links in, answered here. Defining the import symbols keeps them out of the module's import
 * section: the finished guest has no imports, so there is nothing of the host that tenant code could reach.
 * Must not do I/O; there is none. */
#include <stdint.h>

#include "hostel.h"

#define WASI_BADF 8
#define WASI_CALL(name) __imported_wasi_snapshot_preview1_##name

static double now_ms;

void clock_set(double value)
{
    now_ms = value;
}

double clock_now(void)
{
    return now_ms;
}

int32_t WASI_CALL(clock_time_get)(int32_t id, int64_t precision, int32_t out)
{
    (void)id;
    (void)precision;
    *(uint64_t *)(uintptr_t)out = (uint64_t)(now_ms * 1e6);
    return 0;
}

int32_t WASI_CALL(fd_write)(int32_t fd, int32_t vectors, int32_t count, int32_t written)
{
    (void)fd;
    (void)vectors;
    (void)count;
    (void)written;
    return WASI_BADF;
}

int32_t WASI_CALL(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t out)
{
    (void)fd;
    (void)offset;
    (void)whence;
    (void)out;
    return WASI_BADF;
}

int32_t WASI_CALL(fd_close)(int32_t fd)
{
    (void)fd;
    return WASI_BADF;
}

int32_t WASI_CALL(fd_fdstat_get)(int32_t fd, int32_t out)
{
    (void)fd;
    (void)out;
    return WASI_BADF;
}

_Noreturn void WASI_CALL(proc_exit)(int32_t code)
{
    (void)code;
    __builtin_trap();
}

/* wasi-libc's close() reaches fd_close through a weak path of its own; stdio never opens anything here. */
int close(int fd)
{
    (void)fd;
    return -1;
}
