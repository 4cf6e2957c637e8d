/* The step loop: a block of NK_LANES cells, each with its own time, step, acceptance, protocol segment and job.
 *
 * All vector work is elementwise and every decision is taken per lane, so the result of a run does not depend on its
 * lane, its neighbours or the order of jobs. A lane that finishes takes the next job. No Python object in here. */
#ifndef NK_INTEGRATE_H
#define NK_INTEGRATE_H

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_api.h"
#include "model.h"
#include "rodas5p.h"

typedef struct {
  int job[NK_LANES], segment[NK_LANES], next_time[NK_LANES], started[NK_LANES], rejections[NK_LANES], reason[NK_LANES];
  long long counters[NK_LANES][NK_COUNTERS];
  double clock_start[NK_LANES], last_error[NK_LANES], last_step[NK_LANES], segment_length[NK_LANES];
  vd t, h;
} nk_lanes;

typedef struct {
  vd *y, *y_new, *stage, *f, *f0, *ft, *jac, *w, *k[NK_STAGES], *dense[NK_DENSE], *fixed, *outputs;
  vd *u, *u_stage, *u_rate, *level, *slope, *amplitude, *rate;
  double *scratch;
} nk_work;

static double nk_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static vd *nk_take(vd **pool, int count) {
  vd *taken = *pool;
  *pool += count;
  return taken;
}

/* One aligned allocation for all work arrays; returns NULL when there is no memory. */
static void *nk_allocate(const nk_model *m, nk_work *work) {
  int n = m->n_states, nu = m->n_inputs;
  size_t count = (size_t)n * (6 + NK_STAGES + NK_DENSE) + m->n_jacobian + m->n_factors + m->n_fixed + m->n_outputs + 7 * (size_t)nu + 1;
  void *memory = NULL;
  if (posix_memalign(&memory, 64, count * sizeof(vd) + (size_t)m->n_fixed * sizeof(double))) return NULL;
  memset(memory, 0, count * sizeof(vd));
  vd *pool = (vd *)memory;
  work->y = nk_take(&pool, n);
  work->y_new = nk_take(&pool, n);
  work->stage = nk_take(&pool, n);
  work->f = nk_take(&pool, n);
  work->f0 = nk_take(&pool, n);
  work->ft = nk_take(&pool, n);
  for (int s = 0; s < NK_STAGES; s++) work->k[s] = nk_take(&pool, n);
  for (int s = 0; s < NK_DENSE; s++) work->dense[s] = nk_take(&pool, n);
  work->jac = nk_take(&pool, m->n_jacobian);
  work->w = nk_take(&pool, m->n_factors);
  work->fixed = nk_take(&pool, m->n_fixed);
  work->outputs = nk_take(&pool, m->n_outputs);
  vd **input_arrays[] = {&work->u, &work->u_stage, &work->u_rate, &work->level, &work->slope, &work->amplitude, &work->rate};
  for (int i = 0; i < 7; i++) *input_arrays[i] = nk_take(&pool, nu);
  work->scratch = (double *)((vd *)memory + count);
  return memory;
}

/* ---- inputs ---------------------------------------------------------------------------------------------- */

/* u and du/dt at dt ms after the start of each lane's segment; relaxing pieces cost one exponential each. */
static void nk_inputs(const nk_work *w, int n, int relaxing, vd dt, vd *u, vd *rate) {
  for (int i = 0; i < n; i++) {
    u[i] = w->level[i] + w->slope[i] * dt;
    if (rate) rate[i] = w->slope[i];
    if (!relaxing) continue;
    vd part = w->amplitude[i] * nk_exp(-w->rate[i] * dt);
    u[i] += part;
    if (rate) rate[i] -= w->rate[i] * part;
  }
}

static void nk_load_segment(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, int l) {
  const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
  int s = lanes->segment[l], n = m->n_inputs;
  for (int i = 0; i < n; i++) {
    w->level[i][l] = p->level[s * n + i];
    w->slope[i][l] = p->slope[s * n + i];
    w->amplitude[i][l] = p->amplitude[s * n + i];
    w->rate[i][l] = p->rate[s * n + i];
  }
  lanes->t[l] = 0.0;
  lanes->segment_length[l] = p->lengths[s];
  lanes->started[l] = 0;
  lanes->rejections[l] = 0;
  lanes->last_error[l] = 0.0;
}

/* ---- jobs ------------------------------------------------------------------------------------------------ */

static void nk_start_job(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, int l, int job) {
  lanes->job[l] = job;
  lanes->segment[l] = 0;
  lanes->next_time[l] = 0;
  memset(lanes->counters[l], 0, sizeof lanes->counters[l]);
  lanes->clock_start[l] = b->max_seconds > 0.0 ? nk_clock() : 0.0;
  for (int i = 0; i < m->n_states; i++) w->y[i][l] = b->y0[(size_t)job * m->n_states + i];
  m->hoist(b->parameters + (size_t)job * m->n_parameters, w->scratch);
  for (int i = 0; i < m->n_fixed; i++) w->fixed[i][l] = w->scratch[i];
  nk_load_segment(m, b, lanes, w, l);
}

/* Give a free lane the next job that no thread has taken, if there is one. */
static void nk_take_job(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, int l) {
  if (__atomic_load_n(b->next_job, __ATOMIC_RELAXED) >= b->n_jobs) return;
  int job = __atomic_fetch_add(b->next_job, 1, __ATOMIC_RELAXED);
  if (job < b->n_jobs) nk_start_job(m, b, lanes, w, l, job);
}

/* Store how a run ended and free its lane; the lane keeps harmless numbers until it takes another job. */
static void nk_finish(const nk_model *m, const nk_batch *b, nk_results *r, nk_lanes *lanes, const nk_work *w, int l, int status, int worst) {
  int job = lanes->job[l], n = m->n_states;
  const nk_protocol *p = &b->protocols[b->protocol_of[job]];
  int s = lanes->segment[l] < p->n_segments ? lanes->segment[l] : p->n_segments - 1;
  for (int i = 0; i < n; i++) r->y_end[(size_t)job * n + i] = w->y[i][l];
  r->t_end[job] = status == NK_OK ? p->edges[p->n_segments] : p->edges[s] + lanes->t[l];
  r->status[job] = status;
  r->worst[job] = worst;
  memcpy(r->counters + (size_t)job * NK_COUNTERS, lanes->counters[l], sizeof lanes->counters[l]);
  lanes->job[l] = -1;
  lanes->h[l] = 1e-3;
  __atomic_fetch_add(b->finished, 1, __ATOMIC_RELAXED);
}

/* ---- initial step (Hairer, Norsett & Wanner I, II.4) --------------------------------------------------------- */

static void nk_first_steps(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, int relaxing) {
  int n = m->n_states;
  nk_inputs(w, m->n_inputs, relaxing, lanes->t, w->u, NULL);
  m->rhs(w->y, w->u, w->fixed, w->f0);
  vd d0 = nk_set(0.0), d1 = nk_set(0.0), d2 = nk_set(0.0), h0;
  for (int i = 0; i < n; i++) {
    vd sc = b->atol[i] + b->rtol * nk_abs(w->y[i]);
    d0 = nk_max(nk_abs(w->y[i]) / sc, d0);
    d1 = nk_max(nk_abs(w->f0[i]) / sc, d1);
  }
  for (int l = 0; l < NK_LANES; l++) {
    double guess = d0[l] > 1e-5 && d1[l] > 1e-300 ? 0.01 * d0[l] / d1[l] : 1e-6 * lanes->segment_length[l];
    h0[l] = guess < lanes->segment_length[l] ? guess : lanes->segment_length[l];
  }
  for (int i = 0; i < n; i++) w->stage[i] = w->y[i] + h0 * w->f0[i];
  m->rhs(w->stage, w->u, w->fixed, w->f);
  for (int i = 0; i < n; i++) {
    vd sc = b->atol[i] + b->rtol * nk_abs(w->y[i]);
    d2 = nk_max(nk_abs(w->f[i] - w->f0[i]) / (sc * h0), d2);
  }
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0 || lanes->started[l]) continue;
    double steepest = d1[l] > d2[l] ? d1[l] : d2[l];
    double h1 = steepest > 1e-15 / lanes->segment_length[l] ? pow(0.01 / steepest, 1.0 / NK_ORDER) : lanes->segment_length[l];
    double h = 100.0 * h0[l] < h1 ? 100.0 * h0[l] : h1;
    if (d1[l] == 0.0 && d2[l] == 0.0) h = lanes->segment_length[l];
    if (!(h > 0.0) || !isfinite(h)) h = h0[l];
    lanes->h[l] = b->fixed_step > 0.0 ? b->fixed_step : h;
    lanes->last_step[l] = 0.0;
    lanes->started[l] = 1;
    lanes->counters[l][NK_RHS] += 2;
  }
}

/* Lanes of ``broken`` that are still -1 take the first component that is not a finite number. */
static void nk_mark_broken(const vd *f, int n, vi *broken) {
  vi fresh = *broken < 0, found = *broken;
  for (int i = n - 1; i >= 0; i--) {
    vi bad = ~nk_finite(f[i]) & fresh;
    found = (bad & nk_seti(i)) | (~bad & found);
  }
  *broken = found;
}

/* ---- one attempted step of every lane ------------------------------------------------------------------------ */

/* ``broken``, when wanted, receives the first component of each lane whose equation stopped being finite, or stays -1. */
static void nk_stages(const nk_model *m, const nk_lanes *lanes, nk_work *w, vd h, vi moving, int varying, int relaxing, vi *broken) {
  int n = m->n_states;
  vd inverse = 1.0 / h;
  m->factor(inverse / nk_gamma, w->jac, w->w);
  for (int s = 0; s < NK_STAGES; s++) {
    const vd *f = w->f0;
    vd *k = w->k[s];
    if (s > 0) {
      const vd *u = w->u;
      if (s < 6) {
        for (int i = 0; i < n; i++) {
          vd sum = nk_a[s][0] * w->k[0][i];
          for (int j = 1; j < s; j++) sum += nk_a[s][j] * w->k[j][i];
          w->stage[i] = w->y[i] + sum;
        }
      } else {
        for (int i = 0; i < n; i++) w->stage[i] += w->k[s - 1][i];
      }
      if (varying) {
        nk_inputs(w, m->n_inputs, relaxing, lanes->t + nk_c[s] * h, w->u_stage, NULL);
        u = w->u_stage;
      }
      m->rhs(w->stage, u, w->fixed, w->f);
      f = w->f;
    }
    if (broken) nk_mark_broken(f, n, broken);
    for (int i = 0; i < n; i++) {
      vd sum = nk_set(0.0);
      for (int j = 0; j < s; j++) sum += nk_C[s][j] * w->k[j][i];
      k[i] = f[i] + sum * inverse;
    }
    if (varying && nk_d[s] != 0.0)
      for (int i = 0; i < n; i++) k[i] = nk_select(moving, k[i] + (nk_d[s] * h) * w->ft[i], k[i]);
    m->solve(w->w, k);
  }
  for (int i = 0; i < n; i++) w->y_new[i] = w->stage[i] + w->k[NK_STAGES - 1][i];
}

typedef struct {
  vd error;
  vi finite, in_range;
  int worst[NK_LANES], outside[NK_LANES], broken[NK_LANES];
} nk_verdict;

/* Largest error in units of the tolerance, and whether the new state is a finite number inside its declared range.
 * A state that misses its bound by less than its tolerance is put on the bound. */
static nk_verdict nk_judge(const nk_model *m, const nk_batch *b, nk_work *w) {
  int n = m->n_states;
  nk_verdict v = {nk_set(0.0), nk_seti(-1), nk_seti(-1), {0}, {0}, {0}};
  const vd *e = w->k[NK_STAGES - 1];
  vi worst = nk_seti(0), outside = nk_seti(0), broken = nk_seti(0);
  for (int i = 0; i < n; i++) {
    vd sc = b->atol[i] + b->rtol * nk_max(nk_abs(w->y_new[i]), nk_abs(w->y[i]));
    vd scaled = nk_abs(e[i]) / sc;
    vi larger = scaled > v.error;
    v.error = nk_select(larger, scaled, v.error);
    worst = (larger & nk_seti(i)) | (~larger & worst);
    vi finite = nk_finite(w->y_new[i]) & nk_finite(e[i]);
    broken = (finite & broken) | (~finite & nk_seti(i));
    v.finite &= finite;
    vi below = w->y_new[i] < nk_set(b->lower[i] - b->atol[i]), above = w->y_new[i] > nk_set(b->upper[i] + b->atol[i]);
    vi left = below | above;
    outside = (left & nk_seti(i)) | (~left & outside);
    v.in_range &= ~left;
    w->y_new[i] = nk_select(w->y_new[i] < nk_set(b->lower[i]), nk_set(b->lower[i]), w->y_new[i]);
    w->y_new[i] = nk_select(w->y_new[i] > nk_set(b->upper[i]), nk_set(b->upper[i]), w->y_new[i]);
  }
  for (int l = 0; l < NK_LANES; l++) {
    v.worst[l] = (int)worst[l];
    v.outside[l] = (int)outside[l];
    v.broken[l] = (int)broken[l];
  }
  return v;
}

/* ---- dense output ------------------------------------------------------------------------------------------- */

static int nk_pending(const nk_batch *b, const nk_lanes *lanes, int l, double t_new) {
  const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
  int i = lanes->next_time[l];
  return i < p->n_times && p->time_segment[i] == lanes->segment[l] && p->times[i] <= t_new;
}

static void nk_record(const nk_model *m, const nk_batch *b, nk_results *r, nk_lanes *lanes, nk_work *w, vd h, const vd *t_new, const int *accepted, int relaxing) {
  int n = m->n_states, prepared = 0, any_output = 0;
  for (int i = 0; i < b->n_records; i++) any_output |= b->record_kind[i] == 1;
  for (;;) {
    vd wanted = lanes->t;
    int waiting[NK_LANES], any = 0;
    for (int l = 0; l < NK_LANES; l++) {
      waiting[l] = accepted[l] && nk_pending(b, lanes, l, (*t_new)[l]);
      any |= waiting[l];
      if (waiting[l]) wanted[l] = b->protocols[b->protocol_of[lanes->job[l]]].times[lanes->next_time[l]];
    }
    if (!any) return;
    if (!prepared) {
      for (int d = 0; d < NK_DENSE; d++)
        for (int i = 0; i < n; i++) {
          vd sum = nk_set(0.0);
          for (int s = 0; s < NK_STAGES; s++) sum += nk_h[d][s] * w->k[s][i];
          w->dense[d][i] = sum;
        }
      prepared = 1;
    }
    vd theta = (wanted - lanes->t) / h;
    vi at_end = wanted == *t_new;
    for (int i = 0; i < n; i++) {
      vd inner = w->dense[0][i] + theta * (w->dense[1][i] + theta * w->dense[2][i]);
      vd value = w->y[i] + theta * ((w->y_new[i] - w->y[i]) + (1.0 - theta) * inner);
      w->stage[i] = nk_select(at_end, w->y_new[i], value);
    }
    nk_inputs(w, m->n_inputs, relaxing, wanted, w->u_stage, NULL);
    if (any_output) m->observe(w->stage, w->u_stage, w->fixed, w->outputs);
    for (int i = 0; i < b->n_records; i++) {
      const vd *source = b->record_kind[i] == 0 ? w->stage : b->record_kind[i] == 1 ? w->outputs : w->u_stage;
      vd value = source[b->record_index[i]];
      for (int l = 0; l < NK_LANES; l++)
        if (waiting[l]) r->records[((size_t)lanes->job[l] * b->n_records + i) * r->n_times_max + lanes->next_time[l]] = value[l];
    }
    for (int l = 0; l < NK_LANES; l++) lanes->next_time[l] += waiting[l];
  }
}

/* ---- per-lane decisions ------------------------------------------------------------------------------------- */

/* Step factor after an accepted step: the elementary controller damped by the last step's error (Gustafsson 1994). */
static double nk_growth(const nk_lanes *lanes, int l, double h, double error) {
  double e = error > 1e-10 ? error : 1e-10;
  double factor = 0.9 * pow(e, -1.0 / NK_ORDER);
  if (lanes->last_step[l] > 0.0) {
    double previous = lanes->last_error[l] > 1e-2 ? lanes->last_error[l] : 1e-2;
    double predictive = 0.9 * (h / lanes->last_step[l]) * pow(previous / (e * e), 1.0 / NK_ORDER);
    if (predictive < factor) factor = predictive;
  }
  if (factor > 6.0) factor = 6.0;
  if (factor < 0.2) factor = 0.2;
  if (lanes->rejections[l] && factor > 1.0) factor = 1.0;
  return factor;
}

static int nk_reject(nk_lanes *lanes, const nk_verdict *v, int l, double h) {
  double factor;
  if (!v->finite[l]) {
    lanes->reason[l] = NK_NON_FINITE_RHS;
    factor = 0.25;
  } else if (!v->in_range[l] && v->error[l] <= 1.0) {
    lanes->reason[l] = NK_OUT_OF_RANGE;
    factor = 0.25;
  } else {
    lanes->reason[l] = NK_STEP_UNDERFLOW;
    factor = 0.9 * pow(v->error[l], -1.0 / NK_ORDER);
    if (!(factor > 0.1)) factor = 0.1;
    if (factor > 0.9) factor = 0.9;
  }
  lanes->h[l] = h * factor;
  lanes->rejections[l]++;
  lanes->counters[l][NK_REJECTED]++;
  double floor = 4.0 * DBL_EPSILON * lanes->t[l];
  double least = 1e-22 * lanes->segment_length[l];
  return lanes->h[l] <= (floor > least ? floor : least);
}

/* The component whose equation breaks first in a step of size h from the present state, or -1. Repeats the step (rare: once a
 * failed run) and leaves the new states of the other lanes as they were. */
static int nk_first_broken(const nk_model *m, const nk_lanes *lanes, nk_work *w, int l, vd h, vi moving, int varying, int relaxing) {
  vi broken = nk_seti(-1);
  nk_mark_broken(w->f0, m->n_states, &broken);
  for (int e = 0; e < m->n_jacobian; e++)
    if (broken[l] < 0 && !isfinite(w->jac[e][l])) broken[l] = m->info.rows[e];
  if (broken[l] >= 0) return (int)broken[l];
  memcpy(w->dense[0], w->y_new, (size_t)m->n_states * sizeof(vd));
  nk_stages(m, lanes, w, h, moving, varying, relaxing, &broken);
  memcpy(w->y_new, w->dense[0], (size_t)m->n_states * sizeof(vd));
  return (int)broken[l];
}

/* The component to blame when no step is small enough. An equation that breaks because a bounded state is about to cross
 * its bound is a state out of range, whatever the equation then returned. */
static int nk_blame(const nk_model *m, const nk_batch *b, const nk_work *w, nk_lanes *lanes, const nk_verdict *v, int l, double h, int broken) {
  if (lanes->reason[l] == NK_NON_FINITE_RHS) {
    for (int i = 0; i < m->n_states; i++) {
      double next = w->y[i][l] + 10.0 * h * w->f0[i][l];
      if (next < b->lower[i] || next > b->upper[i]) {
        lanes->reason[l] = NK_OUT_OF_RANGE;
        return i;
      }
    }
    return broken >= 0 ? broken : v->broken[l];
  }
  return lanes->reason[l] == NK_OUT_OF_RANGE ? v->outside[l] : v->worst[l];
}

/* A state that stands on its bound and is driven through it for good: the run has left the model's range. Drifts that stay
 * below the tolerance to the end of the segment are rounding. */
static vi nk_pressed(const nk_model *m, const nk_batch *b, const nk_work *w, vd left, vi *which) {
  vi any = nk_seti(0);
  for (int i = 0; i < m->n_states; i++) {
    vd drift = w->f0[i] * left;
    vi out = ((w->y[i] == nk_set(b->lower[i])) & (drift < nk_set(-b->atol[i]))) | ((w->y[i] == nk_set(b->upper[i])) & (drift > nk_set(b->atol[i])));
    *which = (out & nk_seti(i)) | (~out & *which);
    any |= out;
  }
  return any;
}

static int nk_diverged_component(const nk_model *m, const nk_batch *b, const nk_work *w, int l) {
  for (int i = 0; i < m->n_states; i++)
    if (fabs(w->y[i][l]) > b->diverged[i]) return i;
  return -1;
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

static int nk_integrate(const nk_model *m, const nk_batch *b, nk_results *r) {
  int n = m->n_states;
  nk_work work, *w = &work;
  void *memory = nk_allocate(m, w);
  if (!memory) return -1;
  nk_lanes lanes_storage, *lanes = &lanes_storage;
  memset(lanes, 0, sizeof *lanes);
  lanes->h = nk_set(1e-3);
  for (int l = 0; l < NK_LANES; l++) {
    lanes->job[l] = -1;
    nk_take_job(m, b, lanes, w, l);
  }
  /* a lane without a job computes a copy of lane 0's problem: harmless numbers, never stored */
  for (int l = 1; l < NK_LANES; l++)
    if (lanes->job[l] < 0) {
      for (int i = 0; i < n; i++) w->y[i][l] = w->y[i][0];
      for (int i = 0; i < m->n_fixed; i++) w->fixed[i][l] = w->fixed[i][0];
      for (int i = 0; i < m->n_inputs; i++) w->level[i][l] = w->level[i][0];
      lanes->segment_length[l] = lanes->segment_length[0];
    }
  for (long long round = 0;; round++) {
    int active = 0, starting = 0, varying = 0, relaxing = 0, last[NK_LANES] = {0}, accepted[NK_LANES] = {0};
    for (int l = 0; l < NK_LANES; l++) {
      if (lanes->job[l] < 0) nk_take_job(m, b, lanes, w, l);
      if (lanes->job[l] < 0) continue;
      active = 1;
      starting |= !lanes->started[l];
    }
    if (!active) break;
    if (__atomic_load_n(b->cancel, __ATOMIC_RELAXED)) {
      for (int l = 0; l < NK_LANES; l++)
        if (lanes->job[l] >= 0) nk_finish(m, b, r, lanes, w, l, NK_CANCELLED, -1);
      break;
    }
    for (int i = 0; i < m->n_inputs; i++)
      for (int l = 0; l < NK_LANES; l++) {
        if (lanes->job[l] < 0) continue;
        relaxing |= w->amplitude[i][l] != 0.0;
        varying |= w->slope[i][l] != 0.0 || w->amplitude[i][l] != 0.0;
      }
    if (starting) nk_first_steps(m, b, lanes, w, relaxing);

    vd h = lanes->h, t_new, segment_left;
    for (int l = 0; l < NK_LANES; l++) {
      double left = lanes->segment_length[l] - lanes->t[l];
      segment_left[l] = left;
      last[l] = h[l] * 1.000001 >= left;
      if (last[l]) h[l] = left;
      t_new[l] = last[l] ? lanes->segment_length[l] : lanes->t[l] + h[l];
    }
    nk_inputs(w, m->n_inputs, relaxing, lanes->t, w->u, w->u_rate);
    m->rhs_jac(w->y, w->u, w->fixed, w->f0, w->jac);
    vi moving = nk_seti(0); /* lanes whose inputs change within their segment */
    if (varying) {
      for (int i = 0; i < m->n_inputs; i++) moving |= (w->slope[i] != nk_set(0.0)) | (w->amplitude[i] != nk_set(0.0));
      m->time(w->y, w->u, w->u_rate, w->fixed, w->ft);
    }
    vi pressed_state = nk_seti(0), pressed = nk_pressed(m, b, w, segment_left, &pressed_state);
    nk_stages(m, lanes, w, h, moving, varying, relaxing, NULL);
    nk_verdict v = nk_judge(m, b, w);
    for (int l = 0; l < NK_LANES; l++) {
      if (lanes->job[l] < 0) continue;
      lanes->counters[l][NK_RHS] += NK_STAGES;
      lanes->counters[l][NK_JACOBIANS]++;
      accepted[l] = !pressed[l] && v.finite[l] && (b->fixed_step > 0.0 || (v.in_range[l] && v.error[l] <= 1.0));
    }
    nk_record(m, b, r, lanes, w, h, &t_new, accepted, relaxing);

    for (int l = 0; l < NK_LANES; l++) {
      if (lanes->job[l] < 0) continue;
      if (pressed[l]) {
        nk_finish(m, b, r, lanes, w, l, NK_OUT_OF_RANGE, (int)pressed_state[l]);
      } else if (!accepted[l]) {
        if (nk_reject(lanes, &v, l, h[l])) {
          int broken = lanes->reason[l] == NK_NON_FINITE_RHS ? nk_first_broken(m, lanes, w, l, h, moving, varying, relaxing) : -1;
          int blamed = nk_blame(m, b, w, lanes, &v, l, h[l], broken);
          nk_finish(m, b, r, lanes, w, l, lanes->reason[l], blamed);
        }
      } else {
        double error = v.error[l];
        lanes->counters[l][NK_STEPS]++;
        lanes->h[l] = b->fixed_step > 0.0 ? b->fixed_step : h[l] * nk_growth(lanes, l, h[l], error);
        lanes->last_error[l] = error;
        lanes->last_step[l] = h[l];
        lanes->rejections[l] = 0;
        lanes->t[l] = t_new[l];
        for (int i = 0; i < n; i++) w->y[i][l] = w->y_new[i][l];
        int gone = nk_diverged_component(m, b, w, l);
        if (gone >= 0) {
          nk_finish(m, b, r, lanes, w, l, NK_DIVERGED, gone);
        } else if (last[l]) {
          const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
          if (++lanes->segment[l] == p->n_segments) nk_finish(m, b, r, lanes, w, l, NK_OK, -1);
          else nk_load_segment(m, b, lanes, w, l);
        }
      }
      if (lanes->job[l] < 0) continue;
      if (lanes->counters[l][NK_STEPS] + lanes->counters[l][NK_REJECTED] >= b->max_steps) nk_finish(m, b, r, lanes, w, l, NK_STEP_LIMIT, v.worst[l]);
      else if (b->max_seconds > 0.0 && (round & 15) == 0 && nk_clock() - lanes->clock_start[l] > b->max_seconds)
        nk_finish(m, b, r, lanes, w, l, NK_TIME_LIMIT, v.worst[l]);
    }
  }
  free(memory);
  return 0;
}

#endif
