/* The engine for AVX-512: blocks of 8 lanes. No contraction beyond the fused operations written out, so that the bits equal the other engines'. */
#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx512f,avx512dq,avx512vl")
#define NK_ENGINE avx512
#define NK_LANES 8
#include "engine.h"
#endif
