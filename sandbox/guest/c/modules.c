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
    /* The payload of its MAP event behind the name, or NULL; given back once it is compiled. */
    uint8_t *map;
    size_t map_length;
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

/* Zeros are not part of an image. */
static void give_back(JSContext *ctx, char **block, size_t length)
{
    memset(*block, 0, length);
    js_free(ctx, *block);
    *block = NULL;
}

/* The map of the module that is being compiled. */
#define MAP_ENTRY 20
static struct {
    const char **sources;
    uint32_t source_count;
    const uint8_t *entries;
    size_t entry_count;
} places;

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
    module->map = NULL;
    module->kind = kind;
    module_count++;
    return 0;
}

int modules_add_map(JSContext *ctx, Reader *payload)
{
    char raw[PATH_BYTES], clean[PATH_BYTES];
    size_t name_length;
    const uint8_t *name = read_run(payload, &name_length);
    if (payload->bad || name_length >= sizeof raw)
        return -1;
    memcpy(raw, name, name_length);
    raw[name_length] = 0;
    Module *module = join(clean, "", raw) ? find(clean) : NULL;
    if (!module || module->map)
        return -1;
    module->map_length = payload->end - payload->at;
    module->map = js_malloc(ctx, module->map_length + 1);
    if (!module->map)
        return -1;
    memcpy(module->map, payload->at, module->map_length);
    return 0;
}

static uint32_t entry_word(size_t entry, int word)
{
    uint32_t value;
    memcpy(&value, places.entries + entry * MAP_ENTRY + 4 * word, sizeof value);
    return value;
}

/* patch.py has the compiler call this for every place it notes. The last entry at or before a place on its line tells; before the line's
 * first entry, that one does. */
void modules_place(bool top, const char **file, int *line, int *column)
{
    if (!places.entry_count || (top && places.source_count > 1))
        return;
    size_t low = 0, high = places.entry_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        uint32_t at = entry_word(middle, 0);
        if (at < (uint32_t)*line || (at == (uint32_t)*line && entry_word(middle, 1) <= (uint32_t)*column))
            low = middle + 1;
        else
            high = middle;
    }
    if (low && entry_word(low - 1, 0) == (uint32_t)*line)
        low--;
    else if (low == places.entry_count || entry_word(low, 0) != (uint32_t)*line)
        return;
    if (file)
        *file = places.sources[entry_word(low, 2)];
    *line = (int)entry_word(low, 3);
    *column = (int)entry_word(low, 4);
}

/* Sets `places` up for a module's compilation; the host has checked the map, so one that is malformed is simply not used. */
static void places_begin(JSContext *ctx, Module *module)
{
    Reader reader = {module->map, module->map + module->map_length, !module->map};
    uint32_t count = read_u32(&reader);
    if (reader.bad || count > module->map_length / 4 || !(places.sources = js_malloc(ctx, (count + 1) * sizeof *places.sources)))
        return;
    places.source_count = count;
    /* Each name ends with a zero byte of its own. */
    for (uint32_t i = 0; i < count; i++) {
        size_t length;
        const uint8_t *name = read_run(&reader, &length);
        places.sources[i] = length ? (const char *)name : "";
    }
    size_t length;
    places.entries = read_run(&reader, &length);
    places.entry_count = reader.bad ? 0 : length / MAP_ENTRY;
}

static void places_end(JSContext *ctx, Module *module)
{
    js_free(ctx, places.sources);
    memset(&places, 0, sizeof places);
    if (module->map)
        give_back(ctx, (char **)&module->map, module->map_length);
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

/* TypeScript's way of naming a module: without its ending, or with the ending it would have as JavaScript. For its own modules only. */
static bool find_typed(const char *base, char *path)
{
    static const char *const endings[] = {".ts", ".tsx", ".mts", ".jsx", ".js", "/index.ts", "/index.tsx", "/index.js"};
    static const char *const instead[][2] = {{".js", ".ts"}, {".js", ".tsx"}, {".jsx", ".tsx"}, {".mjs", ".mts"}};
    const char *dot = strrchr(base, '.');
    size_t length = strlen(path);
    if (!dot || (strcmp(dot, ".ts") && strcmp(dot, ".tsx") && strcmp(dot, ".mts") && strcmp(dot, ".jsx")) || length + 12 > PATH_BYTES)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        strcpy(path + length, endings[i]);
        if (find(path))
            return true;
    }
    path[length] = 0;
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        size_t ending = strlen(instead[i][0]);
        if (length <= ending || strcmp(path + length - ending, instead[i][0]))
            continue;
        strcpy(path + length - ending, instead[i][1]);
        if (find(path))
            return true;
        strcpy(path + length - ending, instead[i][0]);
    }
    return false;
}

static char *normalize(JSContext *ctx, const char *base, const char *specifier, void *opaque)
{
    char path[PATH_BYTES];
    (void)opaque;
    /* What belongs to the runtime is for its own modules, those for Node, alone. */
    bool internal = !strncmp(specifier, "hostel:", 7);
    if (find_builtin(specifier) && (!internal || !strncmp(base, "node:", 5)))
        return js_strdup(ctx, specifier);
    /* A module of Node's, which the host has sent because of the compatibility flag. */
    if (!strncmp(specifier, "node:", 5) && find(specifier))
        return js_strdup(ctx, specifier);
    if (join(path, base, specifier) && find(path))
        return js_strdup(ctx, path);
    if (*specifier != '.' && join(path, "", specifier) && find(path))
        return js_strdup(ctx, path);
    if (*base && join(path, base, specifier) && find_typed(base, path))
        return js_strdup(ctx, path);
    if (*base && *specifier != '.' && join(path, "", specifier) && find_typed(base, path))
        return js_strdup(ctx, path);
    if (*specifier != '.' && strlen(specifier) + 6 < sizeof path) {
        strcpy(path, "node:");
        strcat(path, specifier);
        if (find(path))
            return js_strdup(ctx, path);
    }
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
    give_back(ctx, &module->content, module->length);
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
    places_begin(ctx, module);
    JSValue compiled = JS_Eval(ctx, module->content, module->length, module->name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    places_end(ctx, module);
    give_back(ctx, &module->content, module->length);
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
