#ifdef __x86_64__
#define BRAKE_VARIANT _v3
#define BRAKE_TARGET "arch=x86-64-v3"
#define BRAKE_MASKED 0
#include "variant.h"
#endif
