"""What is changed in the engine's source before it is compiled.

Owns the changes to quickjs.c. Reference counts at or above `HOSTEL_IMMORTAL` stand still (c/seal.c says why), so every place that
counts goes through two functions. Where a file has a line map (c/modules.c), the places that the compiler notes, in functions,
instructions and syntax errors, are the author's. And a promise's reaction runs in the asynchronous context in which it was asked for
(c/context.c). What is changed is found by its spelling, and there must be as much of it as there was when this was written: another
version of the engine is not patched by guess. Must not touch files (toolchain.py does).
"""

from __future__ import annotations

import re
from typing import Final

_MACROS: Final = "#define JS_REF_COUNT(p) (js_rc(p)->ref_count)\n"
_FUNCTIONS: Final = """
/* Far above what memory has room for, and far below an overflow. */
#define HOSTEL_IMMORTAL (1 << 30)

static inline void js_ref_inc(void *p)
{
    int count = JS_REF_COUNT(p);
    if (likely(count < HOSTEL_IMMORTAL))
        JS_REF_COUNT(p) = count + 1;
}

static inline int js_ref_dec(void *p)
{
    int count = JS_REF_COUNT(p);
    if (likely(count < HOSTEL_IMMORTAL))
        JS_REF_COUNT(p) = --count;
    return count;
}
"""
_ARGUMENT: Final = r"JS_REF_COUNT\(([a-z0-9_>-]+)\)"
# (what is found, what stands there instead, how often in version 0.17.0)
_RULES: Final = (
    (re.compile(rf"--{_ARGUMENT}"), r"js_ref_dec(\1)", 7),
    (re.compile(rf"{_ARGUMENT}\+\+"), r"js_ref_inc(\1)", 19),
    (re.compile(rf"{_ARGUMENT}--"), r"js_ref_dec(\1)", 2),
)

# c/modules.c has it: from what is compiled to what the author wrote. `top` is the module's own level, which may hold several files.
_PLACE: Final = "\nvoid modules_place(bool top, const char **file, int *line, int *column);\n"
# (what stands there once, what stands there instead)
_PLACES: Final = (
    (
        "    JSFunctionDef *fd = s->cur_func;\n    DynBuf *bc = &fd->byte_code;\n\n    dbuf_putc(bc, OP_source_loc);\n",
        (
            "    JSFunctionDef *fd = s->cur_func;\n    DynBuf *bc = &fd->byte_code;\n\n"
            "    modules_place(fd->parent == NULL, NULL, &line_num, &col_num);\n    dbuf_putc(bc, OP_source_loc);\n"
        ),
    ),
    (
        "    fd->filename = JS_NewAtom(ctx, filename);\n    fd->line_num = line_num;\n",
        (
            "    modules_place(parent == NULL, &filename, &line_num, &col_num);\n"
            "    fd->filename = JS_NewAtom(ctx, filename);\n    fd->line_num = line_num;\n"
        ),
    ),
    (
        (
            "    build_backtrace(ctx, ctx->rt->current_exception, JS_UNDEFINED, s->filename,\n"
            "                    s->token.line_num, err_col_num, backtrace_flags);\n    return -1;\n"
        ),
        (
            "    const char *err_file = s->filename;\n    int err_line_num = s->token.line_num;\n"
            "    modules_place(false, &err_file, &err_line_num, &err_col_num);\n"
            "    build_backtrace(ctx, ctx->rt->current_exception, JS_UNDEFINED, err_file,\n"
            "                    err_line_num, err_col_num, backtrace_flags);\n    return -1;\n"
        ),
    ),
)

# Node's AsyncLocalStorage: a reaction runs in the context in which it was asked for (c/context.c has the value).
_CONTEXT: Final = "\nstatic JSValue js_async_context = JS_UNDEFINED;\n"
_CONTEXTS: Final = (
    (
        ("    JSPromiseReactionData *rd;\n    JSValueConst args[5];\n\n    if (!s || s->promise_state"),
        ("    JSPromiseReactionData *rd;\n    JSValueConst args[6];\n\n    if (!s || s->promise_state"),
    ),
    (
        ("    JSPromiseFunctionData *s;\n    JSValueConst args[3];\n    JSValueConst resolution;\n"),
        ("    JSPromiseFunctionData *s;\n    JSValueConst args[4];\n    JSValueConst resolution;\n"),
    ),
    (
        ("    JSValue handler;\n} JSPromiseReactionData;\n"),
        ("    JSValue handler;\n    JSValue async_context;\n} JSPromiseReactionData;\n"),
    ),
    (
        ("    JS_FreeValueRT(rt, rd->handler);\n"),
        ("    JS_FreeValueRT(rt, rd->handler);\n    JS_FreeValueRT(rt, rd->async_context);\n"),
    ),
    (
        ("            JS_MarkValue(rt, rd->handler, mark_func);\n"),
        ("            JS_MarkValue(rt, rd->handler, mark_func);\n            JS_MarkValue(rt, rd->async_context, mark_func);\n"),
    ),
    (
        ("        rd->handler = js_dup(handler);\n"),
        ("        rd->handler = js_dup(handler);\n        rd->async_context = js_dup(js_async_context);\n"),
    ),
    (
        ("        args[4] = value;\n        JS_EnqueueJob(ctx, promise_reaction_job, 5, args);\n"),
        ("        args[4] = value;\n        args[5] = rd->async_context;\n        JS_EnqueueJob(ctx, promise_reaction_job, 6, args);\n"),
    ),
    (
        ("        JSValueConst args[5];\n        call_promise_rejection_tracker(ctx, promise, true);\n"),
        ("        JSValueConst args[6];\n        call_promise_rejection_tracker(ctx, promise, true);\n"),
    ),
    (
        ("        args[4] = s->promise_result;\n        JS_EnqueueJob(ctx, promise_reaction_job, 5, args);\n"),
        (
            "        args[4] = s->promise_result;\n"
            "        args[5] = rd->async_context;\n"
            "        JS_EnqueueJob(ctx, promise_reaction_job, 6, args);\n"
        ),
    ),
    (
        (
            "    assert(argc == 5);\n"
            "    handler = argv[2];\n"
            "    is_reject = JS_ToBool(ctx, argv[3]);\n"
            "    arg = argv[4];\n"
            "\n"
            "    promise_trace"
        ),
        (
            "    assert(argc == 6);\n"
            "    handler = argv[2];\n"
            "    is_reject = JS_ToBool(ctx, argv[3]);\n"
            "    arg = argv[4];\n"
            "    JSValue outer_context = js_async_context;\n"
            "    js_async_context = js_dup(argv[5]);\n"
            "\n"
            "    promise_trace"
        ),
    ),
    (
        ("    JS_FreeValue(ctx, res);\n\n    return res2;\n}\n\nvoid JS_SetPromiseHook"),
        (
            "    JS_FreeValue(ctx, res);\n"
            "    JS_FreeValue(ctx, js_async_context);\n"
            "    js_async_context = outer_context;\n"
            "\n"
            "    return res2;\n"
            "}\n"
            "\n"
            "void JS_SetPromiseHook"
        ),
    ),
    (
        ("        args[2] = then;\n        JS_EnqueueJob(ctx, js_promise_resolve_thenable_job, 3, args);\n"),
        (
            "        args[2] = then;\n"
            "        args[3] = js_async_context;\n"
            "        JS_EnqueueJob(ctx, js_promise_resolve_thenable_job, 4, args);\n"
        ),
    ),
    (
        ("    assert(argc == 3);\n    promise = argv[0];\n    thenable = argv[1];\n    then = argv[2];\n"),
        ("    assert(argc == 4);\n    promise = argv[0];\n    thenable = argv[1];\n    then = argv[2];\n"),
    ),
    (
        ("    res = JS_Call(ctx, then, thenable, 2, vc(args));\n    if (rt->promise_hook) {\n"),
        (
            "    JSValue outer_context = js_async_context;\n"
            "    js_async_context = js_dup(argv[3]);\n"
            "    res = JS_Call(ctx, then, thenable, 2, vc(args));\n"
            "    JS_FreeValue(ctx, js_async_context);\n"
            "    js_async_context = outer_context;\n"
            "    if (rt->promise_hook) {\n"
        ),
    ),
)


class PatchFailed(Exception):
    """The engine's source is not the one this was written for."""


def patched(source: str, appendix: str) -> str:
    """quickjs.c with standing reference counts and places of the author's, and `appendix` behind it. Raises `PatchFailed`."""
    if source.count(_MACROS) != 1:
        raise PatchFailed("quickjs.c has no JS_REF_COUNT as it was")
    for pattern, replacement, expected in _RULES:
        source, count = pattern.subn(replacement, source)
        if count != expected:
            raise PatchFailed(f"quickjs.c has {count} places of {pattern.pattern}, not {expected}")
    for found, instead in (*_PLACES, *_CONTEXTS):
        if source.count(found) != 1:
            raise PatchFailed(f"quickjs.c has {source.count(found)} places of {found!r}, not 1")
        source = source.replace(found, instead)
    return source.replace(_MACROS, _MACROS + _FUNCTIONS + _PLACE + _CONTEXT) + "\n" + appendix
