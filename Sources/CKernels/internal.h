#ifndef BRAKE_INTERNAL_H
#define BRAKE_INTERNAL_H

#include <stddef.h>

#include "include/CKernels.h"

/// At least `count` floats of this thread's own, aligned to 64 bytes, their values undefined; valid until the next call
/// on the thread and freed when it ends. Kernels never call each other while they hold it.
float *brake_scratch(long count);

#endif
