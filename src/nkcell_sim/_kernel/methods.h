/* The methods an engine offers, in the order of their numbers; the first is the default. */
#ifndef NK_METHODS_H
#define NK_METHODS_H

#include "rodas5p.h"

#define NK_EACH_METHOD(DO) DO(0, rodas5p)

#define NK_METHOD_ADDRESS(index, name) &nk_##name,
static const nk_method *const nk_methods[] = {NK_EACH_METHOD(NK_METHOD_ADDRESS)};
#undef NK_METHOD_ADDRESS
enum { nk_method_count = sizeof nk_methods / sizeof nk_methods[0] };

#endif
