/* Rodas3P: stiffly accurate, L-stable Rosenbrock method of order 3(2), 5 stages that need 3 right-hand sides, with dense output of
 * order 3.
 *
 * G. Steinebach, Rosenbrock methods within OrdinaryDiffEq.jl - overview, recent developments and applications, Proceedings of the
 * JuliaCon Conferences (2024). */
#ifndef NK_RODAS3P_H
#define NK_RODAS3P_H

#include "method.h"

static const nk_method nk_rodas3p = {
    .name = "rodas3p",
    .stages = 5,
    .dense = 2,
    .order = 3,
    .dense_order = 3,
    .first_carry = 5,
    .carry_result = 1,
    .gamma = 1.0 / 3.0,
    .a = {
        {0},
        {4.0 / 3.0},
        {0},
        {2.90625, 3.375, 0.40625},
        {2.90625, 3.375, 0.40625},
    },
    .C = {
        {0},
        {-4.0},
        {8.25, 6.75},
        {1.21875, -5.0625, -1.96875},
        {4.03125, -15.1875, -4.03125, 6.0},
    },
    .c = {0.0, 4.0 / 9.0, 0.0, 1.0, 1.0},
    .d = {1.0 / 3.0, -1.0 / 9.0, 1.0},
    .e = {0.0, 0.0, 0.0, -1.0, 1.0},
    .h = {
        {1.78125, 6.75, 0.15625, -6.0, -1.0},
        {4.21875, -15.1875, -3.09375, 9.0},
    },
};

#endif
