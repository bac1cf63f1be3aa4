#define BRAKE_VARIANT _plain
#define BRAKE_MASKED 0
#include "variant.h"
