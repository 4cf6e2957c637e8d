/* What defines a Rosenbrock method, and the list of those an engine offers.
 *
 * Form without matrix products (Hairer & Wanner II, eq. IV.7.25): U_s are the transformed stages, d_s the sums of gamma_sj,
 *   (1/(h gamma) I - J) U_s = f(t + c_s h, y + sum_j a_sj U_j) + sum_j (C_sj/h) U_j + h d_s df/dt
 * The result is y + sum_s m_s U_s and its error estimate sum_s e_s U_s. A stage that is "carried" starts where the stage before it
 * ended, y_s = y_{s-1} + U_{s-1}, and a carried result is the last argument plus the last U: cheaper than the sums they equal. A stage
 * whose argument and time are those of the stage before it, or of the step's start, takes over that right-hand side.
 * Dense output: y(theta) = (1 - theta) y0 + theta (y1 + (1 - theta)(K1 + theta (K2 + theta K3))), K_i = sum_s h_is U_s. */
#ifndef NK_METHOD_H
#define NK_METHOD_H

enum { NK_MAX_STAGES = 8, NK_MAX_DENSE = 3 };

typedef struct {
  const char *name;
  int stages, dense;
  int order;        /* of the result; the error estimate has one less */
  int dense_order;  /* of the dense output */
  int first_carry;  /* stages from here on are carried; the number of stages when none is */
  int carry_result; /* the result is carried: m is not read */
  double gamma;
  double a[NK_MAX_STAGES][NK_MAX_STAGES], C[NK_MAX_STAGES][NK_MAX_STAGES];
  double c[NK_MAX_STAGES], d[NK_MAX_STAGES], m[NK_MAX_STAGES];
  double e[NK_MAX_STAGES]; /* all zero: the last U is the error estimate */
  double h[NK_MAX_DENSE][NK_MAX_STAGES];
} nk_method;

/* The stage starts at the state and time where the step does (and no carried sum starts from its argument). */
static inline __attribute__((always_inline)) int nk_starts_at_origin(const nk_method *method, int s) {
  if (s == 0) return 1;
  int same = s + 1 < method->first_carry && method->c[s] == 0.0;
#pragma GCC unroll 8
  for (int j = 0; j < NK_MAX_STAGES; j++) same &= method->a[s][j] == 0.0;
  return same;
}

/* The stage has the argument and the time of the stage before it. */
static inline __attribute__((always_inline)) int nk_repeats_argument(const nk_method *method, int s) {
  if (s < 2 || s >= method->first_carry) return 0;
  int same = method->c[s] == method->c[s - 1];
#pragma GCC unroll 8
  for (int j = 0; j < NK_MAX_STAGES; j++) same &= method->a[s][j] == method->a[s - 1][j];
  return same;
}

/* The error estimate is the last U, and nothing has to be summed. */
static inline __attribute__((always_inline)) int nk_error_is_last(const nk_method *method) {
  int last = 1;
#pragma GCC unroll 8
  for (int j = 0; j < NK_MAX_STAGES; j++) last &= method->e[j] == 0.0;
  return last;
}

/* Right-hand sides of one step. */
static int nk_evaluations(const nk_method *method) {
  int count = 1;
  for (int s = 1; s < method->stages; s++) count += !nk_starts_at_origin(method, s) && !nk_repeats_argument(method, s);
  return count;
}

#endif
