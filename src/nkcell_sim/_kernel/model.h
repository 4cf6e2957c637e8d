/* What the generated header of a cell provides. All arrays of vd hold one element per quantity, NK_LANES cells each. */
#ifndef NK_MODEL_H
#define NK_MODEL_H

#include "engine_api.h"
#include "lanes.h"

typedef struct {
  nk_model_info info;
  int n_states, n_parameters, n_inputs, n_fixed, n_jacobian, n_factors, n_outputs;
  void (*hoist)(const double *parameters, double *fixed);
  void (*rhs)(const vd *y, const vd *u, const vd *fixed, vd *f);
  void (*rhs_jac)(const vd *y, const vd *u, const vd *fixed, vd *f, vd *jac);
  void (*time)(const vd *y, const vd *u, const vd *rate, const vd *fixed, vd *ft);
  void (*observe)(const vd *y, const vd *u, const vd *fixed, vd *out);
  void (*factor)(vd d, const vd *jac, vd *w); /* w = LU of d I - J */
  void (*solve)(const vd *w, vd *b);
} nk_model;

#endif
