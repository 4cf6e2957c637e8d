/* The course of a quantity within one step: a polynomial of degree 4 in theta, 0 at the start of the step and 1 at its end.
 *
 * Lanes together where a few bounds decide, one number at a time where a root is wanted. Bounds are those of the Bernstein form: on
 * [0, 1] a polynomial stays between the smallest and the largest of its Bernstein coefficients. */
#ifndef NK_QUARTIC_H
#define NK_QUARTIC_H

#include "lanes.h"

typedef struct {
  vd c[5]; /* powers of theta */
  vd end;  /* the value at theta = 1, not rounded by the sum of the coefficients */
} nk_course;

/* Through five equidistant values (Newton's forward differences). */
static nk_course nk_through(vd f0, vd f1, vd f2, vd f3, vd f4) {
  vd d1 = f1 - f0, d2 = (f2 - f1) - d1, d3 = ((f3 - f2) - (f2 - f1)) - d2, d4 = (((f4 - f3) - (f3 - f2)) - ((f3 - f2) - (f2 - f1))) - d3;
  nk_course p = {{f0, 4.0 * (d1 - 0.5 * d2 + d3 / 3.0 - 0.25 * d4), 8.0 * (d2 - d3 + d4 * (11.0 / 12.0)), 64.0 * (d3 / 6.0 - 0.25 * d4), d4 * (32.0 / 3.0)}, f4};
  return p;
}

static nk_course nk_times(double factor, const nk_course *p) {
  nk_course r = {{factor * p->c[0], factor * p->c[1], factor * p->c[2], factor * p->c[3], factor * p->c[4]}, factor * p->end};
  return r;
}

static vd nk_course_at(const nk_course *p, vd theta) {
  vd value = nk_fma(theta, nk_fma(theta, nk_fma(theta, nk_fma(theta, p->c[4], p->c[3]), p->c[2]), p->c[1]), p->c[0]);
  return nk_select(theta == nk_set(1.0), p->end, value);
}

/* Integral over theta from 0. */
static vd nk_course_sum(const nk_course *p, vd theta) {
  vd inner = nk_fma(theta, nk_fma(theta, 0.2 * p->c[4], 0.25 * p->c[3]), p->c[2] / 3.0);
  return theta * nk_fma(theta, nk_fma(theta, inner, 0.5 * p->c[1]), p->c[0]);
}

/* Smallest and largest value that the course can take within the whole step. */
static void nk_course_bounds(const nk_course *p, vd *low, vd *high) {
  const vd *c = p->c;
  vd inner[3] = {c[0] + 0.25 * c[1], c[0] + 0.5 * c[1] + c[2] / 6.0, c[0] + 0.75 * c[1] + 0.5 * c[2] + 0.25 * c[3]};
  *low = nk_min(c[0], p->end);
  *high = nk_max(c[0], p->end);
  for (int i = 0; i < 3; i++) {
    *low = nk_min(*low, inner[i]);
    *high = nk_max(*high, inner[i]);
  }
}

/* Lanes whose course may turn within the step: the Bernstein coefficients of the slope have both signs. */
static vi nk_course_turns(const nk_course *p) {
  const vd *c = p->c, zero = nk_set(0.0);
  vd slope[4] = {c[1], c[1] + c[2] * (2.0 / 3.0), c[1] + c[2] * (4.0 / 3.0) + c[3], c[1] + 2.0 * c[2] + 3.0 * c[3] + 4.0 * c[4]};
  vi up = nk_seti(0), down = nk_seti(0);
  for (int i = 0; i < 4; i++) {
    up |= slope[i] > zero;
    down |= slope[i] < zero;
  }
  return up & down;
}

/* One lane of a course. */
typedef struct {
  double c[5], end;
} nk_quartic;

static nk_quartic nk_lane_of(const nk_course *p, int l) {
  nk_quartic q = {{p->c[0][l], p->c[1][l], p->c[2][l], p->c[3][l], p->c[4][l]}, p->end[l]};
  return q;
}

static double nk_polynomial(const double *c, int degree, double x) {
  double value = c[degree];
  for (int i = degree - 1; i >= 0; i--) value = value * x + c[i];
  return value;
}

static double nk_quartic_at(const nk_quartic *q, double theta) { return theta == 1.0 ? q->end : nk_polynomial(q->c, 4, theta); }

/* Where a polynomial passes ``level`` between a and b, at which it lies on different sides: Newton's steps kept inside the bracket. */
static double nk_root(const double *c, int degree, double level, double a, double b) {
  int rising = nk_polynomial(c, degree, a) < level;
  double x = 0.5 * (a + b);
  for (int i = 0; i < 100; i++) {
    double value = c[degree], slope = 0.0;
    for (int k = degree - 1; k >= 0; k--) {
      slope = slope * x + value;
      value = value * x + c[k];
    }
    value -= level;
    if (value == 0.0) return x;
    if ((value < 0.0) == rising) a = x;
    else b = x;
    double next = x - value / slope;
    if (!(next > a && next < b)) next = 0.5 * (a + b);
    if (fabs(next - x) <= 1e-16 || !(b - a > 1e-16)) return next;
    x = next;
  }
  return x;
}

/* Points within (a, b) at which a polynomial turns, ascending; at most degree - 1 of them, by way of the turns of its derivatives. */
static int nk_turns(const double *c, int degree, double a, double b, double *turns) {
  double slope[4], nodes[5] = {a};
  if (degree < 2) return 0;
  for (int i = 0; i < degree; i++) slope[i] = (i + 1) * c[i + 1];
  int inner = nk_turns(slope, degree - 1, a, b, nodes + 1), found = 0;
  nodes[inner + 1] = b;
  for (int i = 0; i <= inner; i++) {
    double left = nk_polynomial(slope, degree - 1, nodes[i]), right = nk_polynomial(slope, degree - 1, nodes[i + 1]);
    if ((left < 0.0 && right > 0.0) || (left > 0.0 && right < 0.0)) turns[found++] = nk_root(slope, degree - 1, 0.0, nodes[i], nodes[i + 1]);
  }
  return found;
}

/* First point of [a, b] at which the course reaches ``level`` from the other side; -1 when it does not. ``above`` says on which side it was
 * before and is kept up to date; only passages upward count, or both with ``either``; ``left`` counts them down, the last one is returned. */
static double nk_passage(const nk_quartic *q, double level, double a, double b, int either, int *above, int *left) {
  double nodes[5] = {a};
  int now = nk_quartic_at(q, a) >= level;
  if (now != *above) {
    *above = now;
    if ((now || either) && --*left == 0) return a;
  }
  int count = nk_turns(q->c, 4, a, b, nodes + 1);
  nodes[count + 1] = b;
  for (int i = 0; i <= count; i++) {
    now = nk_quartic_at(q, nodes[i + 1]) >= level;
    if (now == *above) continue;
    *above = now;
    if ((now || either) && --*left == 0) return nk_root(q->c, 4, level, nodes[i], nodes[i + 1]);
  }
  return -1.0;
}

#endif
