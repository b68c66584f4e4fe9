// What the library says of itself.
#include "kernel.h"

#ifndef KERNEL_SOURCES
#define KERNEL_SOURCES ""
#endif

EXPORT int32_t kernel_abi(void) { return KERNEL_ABI; }

// The digest of the files that it was made of, as capture/kernel/library.py reckons it.
EXPORT const char *kernel_sources(void) { return KERNEL_SOURCES; }
