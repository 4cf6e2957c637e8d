/* What defines a Rosenbrock method, and the list of those an engine offers.
 *
 * Form without matrix products (Hairer & Wanner II, eq. IV.7.25): U_s are the transformed stages, d_s the sums of gamma_sj,
 *   (1/(h gamma) I - J) U_s = f(t + c_s h, y + sum_j a_sj U_j) + sum_j (C_sj/h) U_j + h d_s df/dt
 * The result is y + sum_s m_s U_s and its error estimate sum_s e_s U_s. A stage that is "carried" starts where the stage before it
 * ended, y_s = y_{s-1} + U_{s-1}, and a carried result is the last argument plus the last U: cheaper than the sums they equal.
 * Dense output: y(theta) = (1 - theta) y0 + theta (y1 + (1 - theta)(K1 + theta (K2 + theta K3))), K_i = sum_s h_is U_s. */
#ifndef NK_METHOD_H
#define NK_METHOD_H

enum { NK_MAX_STAGES = 8, NK_MAX_DENSE = 3 };

typedef struct {
  const char *name;
  int stages, dense;
  int order;        /* of the result; the error estimate has one less */
  int first_carry;  /* stages from here on are carried; the number of stages when none is */
  int carry_result; /* the result is carried and the last U is the error estimate: m and e are not read */
  double gamma;
  double a[NK_MAX_STAGES][NK_MAX_STAGES], C[NK_MAX_STAGES][NK_MAX_STAGES];
  double c[NK_MAX_STAGES], d[NK_MAX_STAGES], m[NK_MAX_STAGES], e[NK_MAX_STAGES];
  double h[NK_MAX_DENSE][NK_MAX_STAGES];
} nk_method;

#endif
