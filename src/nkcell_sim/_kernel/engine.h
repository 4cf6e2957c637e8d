/* One engine: the step loop and every cell, compiled for the instruction set and lanes that the including file has chosen. */
#include "evaluate.h"
#include "../_generated/cells.h"

#define NK_JOIN(a, b) a##b
#define NK_NAMED(a, b) NK_JOIN(a, b)
#define NK_TEXT(a) #a
#define NK_STRING(a) NK_TEXT(a)

static const nk_model_info *nk_engine_model(int index) { return &nk_models[index]->info; }

static const nk_method *nk_engine_method(int index) { return nk_methods[index]; }

static int nk_engine_integrate(const nk_batch *b, nk_results *r) { return nk_integrate(nk_models[b->model], b, r); }

static int nk_engine_evaluate(int model, int cells, const double *y, const double *u, const double *p, double *f, double *jac, double *out) {
  return nk_evaluate(nk_models[model], cells, y, u, p, f, jac, out);
}

static int nk_engine_time(int model, const double *y, const double *u, const double *rate, const double *p, double *ft) {
  return nk_time_derivative(nk_models[model], y, u, rate, p, ft);
}

static int nk_engine_repeat(int model, int what, long long times, const double *y, const double *u, const double *p, double h) {
  return nk_repeat(nk_models[model], what, times, y, u, p, h);
}

static void nk_engine_elementary(int function, long long n, const double *x, const double *exponent, double *y) {
  for (long long i = 0; i < n; i++) switch (function) {
      case 0: y[i] = nk_exp_1(x[i]); break;
      case 1: y[i] = nk_log_1(x[i]); break;
      case 2: y[i] = nk_exprelr_from_1(x[i], nk_expm1_1(x[i])); break;
      case 3: y[i] = nk_expm1_1(x[i]); break;
      default: y[i] = nk_power_1(x[i], exponent[i]);
    }
}

static void nk_engine_random(const uint64_t *key, uint64_t index, uint64_t purpose, uint64_t *words) { nk_philox(key, index, purpose, words); }

const nk_engine NK_NAMED(nk_engine_, NK_ENGINE) = {
    NK_STRING(NK_ENGINE), NK_LANES, nk_model_count, nk_method_count, nk_engine_model, nk_engine_method, nk_engine_integrate, nk_engine_evaluate, nk_engine_time, nk_engine_repeat, nk_engine_elementary, nk_engine_random,
};
