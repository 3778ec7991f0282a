/* JSON.parse with a bound on nesting. The engine's parser recurses on the native stack, which it cannot measure: a body of a hundred
 * thousand brackets would end the whole instance instead of throwing. Must not change anything else about parsing. */
#include <string.h>

#include "hostel.h"

/* Deeper than any document meant to be read; shallow enough for the parser and for JSON.stringify. */
#define MAX_DEPTH 2000

static JSValue engine_parse;

static bool too_deep(const char *text, size_t length)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '"':
            quoted = !quoted;
            break;
        case '\\':
            i += quoted;
            break;
        case '[':
        case '{':
            if (!quoted && ++depth > MAX_DEPTH)
                return true;
            break;
        case ']':
        case '}':
            if (!quoted && depth)
                depth--;
            break;
        }
    }
    return false;
}

static JSValue parse(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    (void)argc;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    bool deep = length > MAX_DEPTH && too_deep(text, length);
    JSValue string = argc > 0 && JS_IsString(argv[0]) ? JS_DupValue(ctx, argv[0]) : JS_NewStringLen(ctx, text, length);
    JS_FreeCString(ctx, text);
    if (deep) {
        JS_FreeValue(ctx, string);
        return JS_ThrowRangeError(ctx, "JSON is nested more than %d levels deep", MAX_DEPTH);
    }
    JSValueConst arguments[2] = {string, argc > 1 ? argv[1] : JS_UNDEFINED};
    JSValue value = JS_Call(ctx, engine_parse, self, 2, arguments);
    JS_FreeValue(ctx, string);
    return value;
}

void json_install(JSContext *ctx)
{
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue json = JS_GetPropertyStr(ctx, global, "JSON");
    engine_parse = JS_GetPropertyStr(ctx, json, "parse");
    JS_DefinePropertyValueStr(ctx, json, "parse", JS_NewCFunction(ctx, parse, "parse", 2), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
    JS_FreeValue(ctx, json);
    JS_FreeValue(ctx, global);
}
