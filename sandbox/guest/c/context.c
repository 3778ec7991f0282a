/* Appended to the engine's quickjs.c by the build (patch.py), which has promise reactions keep and restore this value.
 * One value for what Node calls the asynchronous context: JavaScript sets it, reactions remember it. */

JSValue JS_GetAsyncContext(JSContext *ctx)
{
    return JS_DupValue(ctx, js_async_context);
}

/* Takes over `value`. */
void JS_SetAsyncContext(JSContext *ctx, JSValue value)
{
    JSValue before = js_async_context;
    js_async_context = value;
    JS_FreeValue(ctx, before);
}
