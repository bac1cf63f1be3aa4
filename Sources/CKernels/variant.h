// The bodies of all kernels, compiled once for each instruction set: the including file defines
//   BRAKE_VARIANT   the suffix of every kernel's name
//   BRAKE_TARGET    the target attribute, or nothing
//   BRAKE_MASKED    whether AVX-512's masked loads and stores are there
// Vectors of 16 lanes never cross the border of a variant, so their calling convention is of no concern.

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"

#define JOIN(a, b) a##b
#define JOIN_EXPANDED(a, b) JOIN(a, b)
#define KERNEL(name) JOIN_EXPANDED(name, BRAKE_VARIANT)
#define BRAKE_KERNEL(result, name, parameters, arguments) extern result KERNEL(name) parameters;

#include "internal.h"

#if BRAKE_MASKED
#include <immintrin.h>
#endif

#ifdef BRAKE_TARGET
#pragma clang attribute push(__attribute__((target(BRAKE_TARGET), min_vector_width(512))), apply_to = function)
#endif

#include "bodies/vector.h"
#include "bodies/elementary.h"
#include "bodies/flat.h"
#include "bodies/softmax.h"
#include "bodies/norm.h"
#include "bodies/activation.h"
#include "bodies/rope.h"
#include "bodies/embedding.h"
#include "bodies/optimiser.h"
#include "bodies/product.h"
#include "bodies/matmul.h"
#include "bodies/attention.h"
#include "bodies/token_gradients.h"
#include "bodies/coordinates.h"

#ifdef BRAKE_TARGET
#pragma clang attribute pop
#endif
