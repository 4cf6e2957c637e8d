/* The engine for AVX2: blocks of 4 lanes. No contraction beyond the fused operations written out, so that the bits equal the other engines'. */
#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2,fma")
#define NK_ENGINE avx2
#define NK_LANES 4
#include "engine.h"
#endif
