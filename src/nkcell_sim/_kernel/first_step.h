/* The first step after each edge of a protocol, from the first and second derivative of the state (after Hairer, Norsett & Wanner I,
 * II.4, with y" = J f + df/dt in place of their finite difference: the step has both at hand, so no evaluation is spent). */
#ifndef NK_FIRST_STEP_H
#define NK_FIRST_STEP_H

#include "jobs.h"

/* y" into w->f: the Jacobian times the right-hand side, and what the inputs add where they move. */
static void nk_second_derivative(const nk_model *m, const nk_work *w, vi moving, int varying, vd *to) {
  for (int i = 0; i < m->n_states; i++) to[i] = varying ? nk_select(moving, w->ft[i], nk_set(0.0)) : nk_set(0.0);
  for (int e = 0; e < m->n_jacobian; e++) to[m->info.rows[e]] = nk_fma(w->jac[e], w->f0[m->info.columns[e]], to[m->info.rows[e]]);
}

/* Choose the step of every lane that stands at the start of a segment; needs f0 and the Jacobian there. */
static void nk_first_steps(int order, const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, vi moving, int varying) {
  vd d0 = nk_set(0.0), d1 = nk_set(0.0), d2 = nk_set(0.0), rtol = nk_set(b->rtol);
  nk_second_derivative(m, w, moving, varying, w->f);
  for (int i = 0; i < m->n_states; i++) {
    vd scale = nk_fma(rtol, nk_abs(w->y[i]), nk_set(b->atol[i]));
    d0 = nk_max(nk_abs(w->y[i]) / scale, d0);
    d1 = nk_max(nk_abs(w->f0[i]) / scale, d1);
    d2 = nk_max(nk_abs(w->f[i]) / scale, d2);
  }
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0 || lanes->started[l]) continue;
    double length = lanes->segment_length[l], h0 = d0[l] > 1e-5 && d1[l] > 1e-300 ? 0.01 * d0[l] / d1[l] : 1e-6 * length;
    double steepest = d1[l] > d2[l] ? d1[l] : d2[l];
    double h1 = steepest > 1e-15 / length ? nk_exp_1(nk_log_1(0.01 / steepest) / order) : length;
    double h = 100.0 * h0 < h1 ? 100.0 * h0 : h1;
    if (d1[l] == 0.0 && d2[l] == 0.0) h = length;
    if (!(h > 0.0) || !isfinite(h)) h = h0 > 0.0 && h0 < length ? h0 : 1e-6 * length;
    lanes->h[l] = b->fixed_step > 0.0 ? b->fixed_step : h * b->first_step;
    lanes->last_step[l] = 0.0;
    lanes->started[l] = 1;
  }
}

#endif
