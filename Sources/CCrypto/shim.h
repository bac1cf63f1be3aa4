// SHA-256 of libcrypto, without what its newer interface needs first: providers, and a configuration file. Those three
// functions depend on nothing but each other, so they are linked from the archive, and no library is loaded at start-up.
#pragma once
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
