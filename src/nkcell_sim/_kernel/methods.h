/* The methods an engine offers, in the order of their numbers; the first is the default. */
#ifndef NK_METHODS_H
#define NK_METHODS_H

#include "rodas3p.h"
#include "rodas4.h"
#include "rodas4p2.h"
#include "rodas5p.h"
#include "ros34pw2.h"

#define NK_EACH_METHOD(DO) DO(0, rodas5p) DO(1, rodas4) DO(2, rodas4p2) DO(3, rodas3p) DO(4, ros34pw2)

#define NK_METHOD_ADDRESS(index, name) &nk_##name,
static const nk_method *const nk_methods[] = {NK_EACH_METHOD(NK_METHOD_ADDRESS)};
#undef NK_METHOD_ADDRESS
enum { nk_method_count = sizeof nk_methods / sizeof nk_methods[0] };

#endif
