/* ROS34PW2: stiffly accurate, L-stable Rosenbrock-W method of order 3(2), 4 stages (the Jacobian need not be exact for the order).
 *
 * J. Rang & L. Angermann, New Rosenbrock W-methods of order 3 for partial differential algebraic equations of index 1, BIT Numer.
 * Math. 45, 761-787 (2005), doi:10.1007/s10543-005-0035-y. The paper has no dense output: the one here is the only one of degree 3 that
 * is of order 3 with these stages, solved from the order conditions. */
#ifndef NK_ROS34PW2_H
#define NK_ROS34PW2_H

#include "method.h"

static const nk_method nk_ros34pw2 = {
    .name = "ros34pw2",
    .stages = 4,
    .dense = 2,
    .order = 3,
    .dense_order = 3,
    .first_carry = 4,
    .carry_result = 1,
    .gamma = 0.435866521508459,
    .a = {
        {0},
        {2.0},
        {1.4192173174557647, -0.2592322116729697},
        {4.18476048231916, -0.28519201735549593, 2.294280360279042},
    },
    .C = {
        {0},
        {-4.588560720558084},
        {-4.18476048231916, 0.28519201735549593},
        {-6.368179200128359, -6.795620944466837, 2.8700986043310563},
    },
    .c = {0.0, 0.871733043016918, 0.7315799577888524, 1.0},
    .d = {0.435866521508459, -0.435866521508459, -0.4133333762338865},
    .e = {0.2777499476479681, -1.4032398951759992, 1.7726301276675507, 0.5},
    .h = {
        {-3.3521014591647673, -1.1764293197691702, -2.294280360279021, -3.3981200751955787},
        {1.1686827413555572, -5.904383642053166, 7.4586593248891075, 2.1038397149165253},
    },
};

#endif
