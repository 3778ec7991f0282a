/* Forced into every engine file: where the C stack really is.
 *
 * The engine guards its recursion with __builtin_frame_address(0). On WebAssembly clang answers 0 for a function without a frame
 * of its own, which switches the guard off; the stack pointer global is what is meant. */
#ifndef HOSTEL_STACK_H
#define HOSTEL_STACK_H

__asm__(".globaltype __stack_pointer, i32\n");

static inline void *hostel_stack_pointer(void)
{
    void *pointer;
    __asm__ volatile("global.get __stack_pointer\n\tlocal.set %0" : "=r"(pointer));
    return pointer;
}

#define __builtin_frame_address(level) hostel_stack_pointer()

#endif
