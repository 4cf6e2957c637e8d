/* Single evaluations of a cell's functions, for tests, the steady-state solver and benchmarks. */
#ifndef NK_EVALUATE_H
#define NK_EVALUATE_H

#include "integrate.h"

/* Put cell c of row-major arrays into every lane. */
static void nk_broadcast(const nk_model *m, nk_work *w, const double *y, const double *u, const double *p) {
  for (int i = 0; i < m->n_states; i++) w->y[i] = nk_set(y[i]);
  for (int i = 0; i < m->n_inputs; i++) w->u[i] = nk_set(u[i]);
  w->equations = &m->equations[nk_is_usual(m, p)];
  m->hoist(p, w->scratch);
  for (int i = 0; i < m->n_fixed; i++) w->fixed[i] = nk_set(w->scratch[i]);
  w->equations->settle(w->u, w->fixed);
}

static int nk_evaluate(const nk_model *m, int cells, const double *y, const double *u, const double *p, double *f, double *jac, double *out) {
  nk_work w;
  void *memory = nk_allocate(m, &w);
  if (!memory) return -1;
  for (int i = 0; i < m->n_outputs; i++) nk_want(m, &w, 1, i);
  nk_list_wanted(m, &w);
  for (int c = 0; c < cells; c++) {
    nk_broadcast(m, &w, y + (size_t)c * m->n_states, u + (size_t)c * m->n_inputs, p + (size_t)c * m->n_parameters);
    w.equations->rhs_jac(w.y, w.u, w.fixed, w.f, w.jac);
    nk_observe(&w, w.y, w.u);
    for (int i = 0; i < m->n_states; i++) f[(size_t)c * m->n_states + i] = w.f[i][0];
    for (int i = 0; i < m->n_jacobian; i++) jac[(size_t)c * m->n_jacobian + i] = w.jac[i][0];
    for (int i = 0; i < m->n_outputs; i++) out[(size_t)c * m->n_outputs + i] = w.outputs[i][0];
  }
  free(memory);
  return 0;
}

static int nk_time_derivative(const nk_model *m, const double *y, const double *u, const double *rate, const double *p, double *ft) {
  nk_work w;
  void *memory = nk_allocate(m, &w);
  if (!memory) return -1;
  nk_broadcast(m, &w, y, u, p);
  for (int i = 0; i < m->n_inputs; i++) w.u_rate[i] = nk_set(rate[i]);
  w.equations->time(w.y, w.u, w.u_rate, w.fixed, w.ft);
  for (int i = 0; i < m->n_states; i++) ft[i] = w.ft[i][0];
  free(memory);
  return 0;
}

/* what: 0 right-hand side, 1 right-hand side with Jacobian and LU, 2 solve with ready factors */
static int nk_repeat(const nk_model *m, int what, long long times, const double *y, const double *u, const double *p, double h) {
  nk_work w;
  void *memory = nk_allocate(m, &w);
  if (!memory) return -1;
  nk_broadcast(m, &w, y, u, p);
  w.equations->rhs_jac(w.y, w.u, w.fixed, w.f, w.jac);
  m->factor(nk_set(1.0 / (h * nk_rodas5p.gamma)), w.jac, w.w);
  for (long long r = 0; r < times; r++) {
    if (what == 0) w.equations->rhs(w.y, w.u, w.fixed, w.f);
    if (what == 1) {
      w.equations->rhs_jac(w.y, w.u, w.fixed, w.f, w.jac);
      m->factor(nk_set(1.0 / (h * nk_rodas5p.gamma)), w.jac, w.w);
    }
    if (what == 2) m->solve(w.w, w.f);
  }
  free(memory);
  return 0;
}

#endif
