// The part of libzstd that brake uses, and what Swift cannot see of it: a static-only parameter and its values are
// macros there, so they are named here as constants.
#pragma once
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

static const ZSTD_cParameter BRAKE_ZSTD_c_literalCompressionMode = ZSTD_c_literalCompressionMode;
static const int BRAKE_ZSTD_lcm_auto = ZSTD_ps_auto;
static const int BRAKE_ZSTD_lcm_huffman = ZSTD_ps_enable;
static const int BRAKE_ZSTD_lcm_uncompressed = ZSTD_ps_disable;
