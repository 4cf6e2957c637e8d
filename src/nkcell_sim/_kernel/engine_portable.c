/* The engine for any processor: blocks of 4 lanes, lowered by the compiler to what the target has. */
#define NK_ENGINE portable
#define NK_LANES 4
#include "engine.h"
