/* The worker's modules and how imports resolve, after workerd's rules: a specifier is a path relative to the importing
 * module, names are compared after "." and ".." are resolved, and a bare name may also be a module of that very name.
 * "cloudflare:…" and "node:…" name built-in modules. Must not evaluate anything before it is imported. */
#include <stdlib.h>
#include <string.h>

#include "hostel.h"

enum { KIND_JS, KIND_TEXT, KIND_DATA, KIND_JSON, KIND_WASM };

typedef struct {
    char *name;
    uint32_t kind;
    /* Given back once the module is compiled or its value is made. */
    char *content;
    size_t length;
} Module;

typedef struct {
    char *name;
    JSValue object;
} Builtin;

#define BUILTINS 32
#define PATH_BYTES 2048

static Module *modules;
static size_t module_count, module_capacity;
static Builtin builtins[BUILTINS];
static size_t builtin_count;

static Module *find(const char *name)
{
    for (size_t i = 0; i < module_count; i++)
        if (!strcmp(modules[i].name, name))
            return &modules[i];
    return NULL;
}

static Builtin *find_builtin(const char *name)
{
    for (size_t i = 0; i < builtin_count; i++)
        if (!strcmp(builtins[i].name, name))
            return &builtins[i];
    return NULL;
}

/* Joins the folder of `base` with `path` and resolves "." and ".."; false when it does not fit. */
static bool join(char *out, const char *base, const char *path)
{
    char whole[PATH_BYTES];
    const char *slash = strrchr(base, '/');
    size_t folder = slash && *path != '/' ? (size_t)(slash - base) + 1 : 0;
    size_t length = strlen(path);
    if (folder + length >= sizeof whole)
        return false;
    memcpy(whole, base, folder);
    memcpy(whole + folder, path, length + 1);
    char *write = out;
    for (char *part = whole; part;) {
        char *next = strchr(part, '/');
        if (next)
            *next++ = 0;
        if (!strcmp(part, "..")) {
            while (write > out && *--write != '/')
                ;
        } else if (*part && strcmp(part, ".")) {
            if (write > out)
                *write++ = '/';
            size_t size = strlen(part);
            memcpy(write, part, size);
            write += size;
        }
        part = next;
    }
    *write = 0;
    return true;
}

int modules_add(JSContext *ctx, const uint8_t *name, size_t name_length, uint32_t kind, const uint8_t *content, size_t length)
{
    char raw[PATH_BYTES], clean[PATH_BYTES];
    if (name_length >= sizeof raw)
        return -1;
    memcpy(raw, name, name_length);
    raw[name_length] = 0;
    if (!join(clean, "", raw))
        return -1;
    if (module_count == module_capacity) {
        size_t capacity = module_capacity ? module_capacity * 2 : 8;
        Module *grown = js_realloc(ctx, modules, capacity * sizeof *modules);
        if (!grown)
            return -1;
        modules = grown;
        module_capacity = capacity;
    }
    Module *module = &modules[module_count];
    module->name = js_strdup(ctx, clean);
    /* One byte more: the parser wants a terminating zero. */
    module->content = js_malloc(ctx, length + 1);
    if (!module->name || !module->content)
        return -1;
    memcpy(module->content, content, length);
    module->content[length] = 0;
    module->length = length;
    module->kind = kind;
    module_count++;
    return 0;
}

int modules_add_builtin(JSContext *ctx, JSValueConst name, JSValueConst object)
{
    const char *text = JS_ToCString(ctx, name);
    if (!text)
        return -1;
    if (builtin_count == BUILTINS) {
        JS_FreeCString(ctx, text);
        JS_ThrowInternalError(ctx, "too many built-in modules");
        return -1;
    }
    Builtin *builtin = find_builtin(text);
    if (builtin) {
        JS_FreeValue(ctx, builtin->object);
    } else {
        builtin = &builtins[builtin_count++];
        builtin->name = js_strdup(ctx, text);
    }
    builtin->object = JS_DupValue(ctx, object);
    JS_FreeCString(ctx, text);
    return 0;
}

static char *normalize(JSContext *ctx, const char *base, const char *specifier, void *opaque)
{
    char path[PATH_BYTES];
    (void)opaque;
    if (find_builtin(specifier))
        return js_strdup(ctx, specifier);
    if (join(path, base, specifier) && find(path))
        return js_strdup(ctx, path);
    if (*specifier != '.' && join(path, "", specifier) && find(path))
        return js_strdup(ctx, path);
    if (*base)
        JS_ThrowPlainError(ctx, "No such module \"%s\".\n  imported from \"%s\"", specifier, base);
    else
        JS_ThrowPlainError(ctx, "No such module \"%s\".", specifier);
    return NULL;
}

static int set_builtin_exports(JSContext *ctx, JSModuleDef *definition)
{
    JSAtom atom = JS_GetModuleName(ctx, definition);
    const char *name = JS_AtomToCString(ctx, atom);
    JS_FreeAtom(ctx, atom);
    if (!name)
        return -1;
    Builtin *builtin = find_builtin(name);
    JS_FreeCString(ctx, name);
    JSPropertyEnum *properties;
    uint32_t count;
    if (JS_GetOwnPropertyNames(ctx, &properties, &count, builtin->object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0)
        return -1;
    int result = 0;
    for (uint32_t i = 0; i < count && !result; i++) {
        const char *key = JS_AtomToCString(ctx, properties[i].atom);
        JSValue value = JS_GetProperty(ctx, builtin->object, properties[i].atom);
        if (!key || JS_IsException(value) || JS_SetModuleExport(ctx, definition, key, value) < 0)
            result = -1;
        JS_FreeCString(ctx, key);
    }
    JS_FreePropertyEnum(ctx, properties, count);
    return result;
}

static JSModuleDef *load_builtin(JSContext *ctx, Builtin *builtin)
{
    JSModuleDef *definition = JS_NewCModule(ctx, builtin->name, set_builtin_exports);
    JSPropertyEnum *properties;
    uint32_t count;
    if (!definition || JS_GetOwnPropertyNames(ctx, &properties, &count, builtin->object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const char *key = JS_AtomToCString(ctx, properties[i].atom);
        if (!key || JS_AddModuleExport(ctx, definition, key) < 0)
            definition = NULL;
        JS_FreeCString(ctx, key);
        if (!definition)
            break;
    }
    JS_FreePropertyEnum(ctx, properties, count);
    return definition;
}

static int set_default_export(JSContext *ctx, JSModuleDef *definition)
{
    JSAtom atom = JS_GetModuleName(ctx, definition);
    const char *name = JS_AtomToCString(ctx, atom);
    JS_FreeAtom(ctx, atom);
    if (!name)
        return -1;
    Module *module = find(name);
    JS_FreeCString(ctx, name);
    JSValue value;
    if (module->kind == KIND_TEXT)
        value = text_decode_utf8(ctx, (const uint8_t *)module->content, module->length, false, true);
    else if (module->kind == KIND_JSON)
        value = JS_ParseJSON(ctx, module->content, module->length, module->name);
    else
        value = JS_NewArrayBufferCopy(ctx, (const uint8_t *)module->content, module->length);
    js_free(ctx, module->content);
    module->content = NULL;
    if (JS_IsException(value))
        return -1;
    return JS_SetModuleExport(ctx, definition, "default", value);
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    Builtin *builtin = find_builtin(name);
    if (builtin)
        return load_builtin(ctx, builtin);
    Module *module = find(name);
    if (!module || !module->content) {
        JS_ThrowPlainError(ctx, "No such module \"%s\".", name);
        return NULL;
    }
    if (module->kind != KIND_JS) {
        JSModuleDef *definition = JS_NewCModule(ctx, module->name, set_default_export);
        return definition && JS_AddModuleExport(ctx, definition, "default") >= 0 ? definition : NULL;
    }
    JSValue compiled = JS_Eval(ctx, module->content, module->length, module->name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    js_free(ctx, module->content);
    module->content = NULL;
    if (JS_IsException(compiled))
        return NULL;
    JSModuleDef *definition = JS_VALUE_GET_PTR(compiled);
    JS_FreeValue(ctx, compiled);
    return definition;
}

void modules_install(JSRuntime *runtime)
{
    JS_SetModuleLoaderFunc(runtime, normalize, load, NULL);
}
