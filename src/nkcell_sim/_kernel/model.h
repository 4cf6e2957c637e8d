/* What the generated header of a cell provides. All arrays of vd hold one element per quantity, NK_LANES cells each. */
#ifndef NK_MODEL_H
#define NK_MODEL_H

#include "engine_api.h"
#include "elementary.h"

/* The equations of a cell. Each is there twice: for any exponents, and with the declared ones as constants. */
typedef struct nk_equations {
  void (*rhs)(const vd *y, const vd *u, const vd *fixed, vd *f);
  void (*rhs_jac)(const vd *y, const vd *u, const vd *fixed, vd *f, vd *jac);
  void (*time)(const vd *y, const vd *u, const vd *rate, const vd *fixed, vd *ft);
  /* the given parts of the observables, see nk_observe; v holds what parts hand to each other */
  void (*settle)(const vd *u, vd *fixed); /* what inputs and parameters decide: before the three above, whenever the inputs changed */
  void (*observe)(const vd *y, const vd *u, const vd *fixed, vd *out, vd *v, const unsigned short *parts, int n_parts);
} nk_equations;

/* Lists of different length: row i is list[start[i]] to before list[start[i + 1]]. */
typedef struct {
  const int *start;
  const unsigned short *list;
} nk_rows;

typedef struct {
  nk_model_info info;
  int n_states, n_parameters, n_inputs, n_fixed, n_jacobian, n_factors, n_outputs;
  int n_parts, n_carried; /* of the observables */
  nk_rows parts, reads, drives, constants; /* what each observable needs: parts, states, inputs, fixed numbers */
  int n_exponents; /* parameters that serve as exponents, and their declared values */
  const int *exponents;
  const double *usual;
  nk_equations equations[2]; /* any exponents; every lane has the usual ones */
  void (*hoist)(const double *parameters, double *fixed);
  void (*factor)(vd d, const vd *jac, vd *w); /* w = LU of d I - J */
  void (*solve)(const vd *w, vd *b);
} nk_model;

/* Whether a run has the declared value of every exponent. */
static inline int nk_is_usual(const nk_model *m, const double *parameters) {
  for (int i = 0; i < m->n_exponents; i++)
    if (parameters[m->exponents[i]] != m->usual[i]) return 0;
  return 1;
}

#endif
