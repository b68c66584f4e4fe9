// What every file of the kernel includes: how functions are given to Python, and what the machine must be like.
// Only plain C and buffers: no file is opened, no memory is kept, no Python is called.
#ifndef KERNEL_H
#define KERNEL_H

#include <float.h>
#include <stdint.h>

// Raise it with every change of a function's arguments or of what lies in a buffer, and ABI in library.py with it.
#define KERNEL_ABI 1

#define EXPORT __attribute__((visibility("default")))

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel writes buffers of Arrow as they lie in memory, which takes a little-endian machine"
#endif
#if FLT_EVAL_METHOD != 0
#error "the kernel's numbers equal Python's, which takes a machine that rounds each operation to a double"
#endif

#endif
