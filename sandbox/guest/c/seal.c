/* Appended to the engine's quickjs.c by the build (patch.py), whose structures it needs.
 * What is alive when the base image is complete stays alive in every instance: its reference counts stand still from then on, and the cycle
 * collector takes it for roots instead of walking it. An instance thus copies a page of the base image only when it really changes it. */

/* The ring the collector no longer sees; objects in it can still be unlinked. */
static struct list_head sealed_objects;

static void seal_string(JSValue value)
{
    int tag = JS_VALUE_GET_TAG(value);
    if (tag == JS_TAG_STRING || tag == JS_TAG_SYMBOL || tag == JS_TAG_BIG_INT)
        JS_REF_COUNT(JS_VALUE_GET_PTR(value)) = HOSTEL_IMMORTAL;
}

void JS_SealRuntime(JSRuntime *rt)
{
    struct list_head *el;
    list_for_each(el, &rt->gc_obj_list) {
        JSGCObjectHeader *header = list_entry(el, JSGCObjectHeader, link);
        JS_REF_COUNT(header) = HOSTEL_IMMORTAL;
        if (JS_GC_TYPE(header) == JS_GC_OBJ_TYPE_FUNCTION_BYTECODE) {
            JSFunctionBytecode *code = (JSFunctionBytecode *)header;
            for (int i = 0; i < code->cpool_count; i++)
                seal_string(code->cpool[i]);
        } else if (JS_GC_TYPE(header) == JS_GC_OBJ_TYPE_JS_OBJECT) {
            JSObject *object = (JSObject *)header;
            JSShapeProperty *property = get_shape_prop(object->shape);
            for (int i = 0; i < object->shape->prop_count; i++, property++)
                if ((property->flags & JS_PROP_TMASK) == JS_PROP_NORMAL && property->atom != JS_ATOM_NULL)
                    seal_string(object->prop[i].u.value);
        }
    }
    for (int i = 1; i < rt->atom_size; i++)
        if (!atom_is_free(rt->atom_array[i]))
            JS_REF_COUNT(rt->atom_array[i]) = HOSTEL_IMMORTAL;
    sealed_objects.next = rt->gc_obj_list.next;
    sealed_objects.prev = rt->gc_obj_list.prev;
    sealed_objects.next->prev = sealed_objects.prev->next = &sealed_objects;
    init_list_head(&rt->gc_obj_list);
}
