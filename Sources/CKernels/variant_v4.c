#ifdef __x86_64__
#define BRAKE_VARIANT _v4
#define BRAKE_TARGET "arch=x86-64-v4"
#define BRAKE_MASKED 1
#include "variant.h"
#endif
