/* The step loop: a block of NK_LANES cells, each with its own time, step, acceptance, protocol segment and job.
 *
 * All vector work is elementwise and every decision is taken per lane, so the result of a run does not depend on its
 * lane, its neighbours or the order of jobs. A lane that finishes takes the next job. No Python object in here. */
#ifndef NK_INTEGRATE_H
#define NK_INTEGRATE_H

#include "control.h"
#include "first_step.h"
#include "gating.h"
#include "readings.h"

/* Fill the lanes; one that gets no job computes a copy of lane 0's problem: harmless numbers, never stored. */
static void nk_fill_lanes(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w) {
  memset(lanes, 0, sizeof *lanes);
  lanes->h = nk_set(1e-3);
  for (int l = 0; l < NK_LANES; l++) {
    lanes->job[l] = -1;
    lanes->usual[l] = 1;
    nk_take_job(m, b, lanes, w, l);
  }
  for (int l = 1; l < NK_LANES; l++)
    if (lanes->job[l] < 0) {
      for (int i = 0; i < m->n_states; i++) w->y[i][l] = w->y[i][0];
      for (int i = 0; i < m->n_fixed; i++) w->fixed[i][l] = w->fixed[i][0];
      for (int i = 0; i < m->n_inputs; i++) w->level[i][l] = w->level[i][0];
      lanes->segment_length[l] = lanes->segment_length[0];
    }
}

/* Derivatives at the start of a step, and the size of the step: up to the end of the segment when that is near. */
static nk_attempt nk_prepare(int order, const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, vd *t_new, int *last) {
  nk_attempt a = {nk_set(0.0), nk_seti(0), 0, 0};
  int starting = 0, usual = 1;
  for (int l = 0; l < NK_LANES; l++) {
    a.moving[l] = -(int64_t)lanes->changing[l];
    a.varying |= lanes->changing[l];
    a.relaxing |= lanes->relaxing[l];
    usual &= lanes->usual[l];
    starting |= lanes->job[l] >= 0 && !lanes->started[l];
  }
  w->equations = &m->equations[usual];
  nk_inputs(w, m->n_inputs, a.relaxing, lanes->t, w->u, w->u_rate);
  if (w->gating) nk_gating_begin(b, lanes, w);
  if (a.varying || w->unsettled) w->equations->settle(w->u, w->fixed);
  w->unsettled = a.varying; /* the stages of this step settle other inputs */
  w->equations->rhs_jac(w->y, w->u, w->fixed, w->f0, w->jac);
  if (a.varying) w->equations->time(w->y, w->u, w->u_rate, w->fixed, w->ft);
  if (starting) nk_first_steps(order, m, b, lanes, w, a.moving, a.varying);
  vd left = lanes->segment_length - lanes->t, h = lanes->h;
  vi ends = h * 1.000001 >= left;
  a.h = nk_select(ends, left, h);
  *t_new = nk_select(ends, lanes->segment_length, lanes->t + a.h);
  for (int l = 0; l < NK_LANES; l++) last[l] = ends[l] != 0;
  if (w->gating) nk_gating_bound(lanes, w->gating, &a.h, t_new, last);
  return a;
}

/* Accepted lanes move on: new state, new time, next step size; rejected ones keep theirs. */
static void nk_advance(int order, const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, const nk_attempt *a, const nk_verdict *v, vd t_new, const int *accepted) {
  vi moves = nk_seti(0);
  vd log_error, factor = nk_growth(order, b->max_growth, lanes, a->h, v->error, &log_error);
  for (int l = 0; l < NK_LANES; l++) {
    moves[l] = -(int64_t)accepted[l];
    if (lanes->rejections[l] && factor[l] > 1.0) factor[l] = 1.0;
    if (!accepted[l]) continue;
    lanes->counters[l][NK_STEPS]++;
    lanes->rejections[l] = 0;
  }
  for (int i = 0; i < m->n_states; i++) w->y[i] = nk_select(moves, w->y_new[i], w->y[i]);
  lanes->standing = moves & v->clamped;
  lanes->t = nk_select(moves, t_new, lanes->t);
  lanes->h = nk_select(moves, b->fixed_step > 0.0 ? nk_set(b->fixed_step) : a->h * factor, lanes->h);
  lanes->last_step = nk_select(moves, a->h, lanes->last_step);
  lanes->last_error = nk_select(moves, log_error, lanes->last_error);
}

/* The steps of the run in this lane are used up, or its time, or it creeps. A stretch of simulated time may take the allowed rate times its
 * length and NK_BURST steps more: "crowding" counts the steps taken, drains at the allowed rate and never falls below 0. */
enum { NK_BURST = 1000 };

static int nk_budget(const nk_batch *b, nk_lanes *lanes, int l, double advanced, long long round) {
  if (lanes->counters[l][NK_STEPS] + lanes->counters[l][NK_REJECTED] >= lanes->most_steps[l]) return NK_STEP_LIMIT;
  if (b->max_step_rate > 0.0) {
    double left = lanes->crowding[l] - b->max_step_rate * advanced;
    lanes->crowding[l] = (left > 0.0 ? left : 0.0) + 1.0;
    if (lanes->crowding[l] > NK_BURST) return NK_STEP_RATE_LIMIT;
  }
  if (b->max_seconds > 0.0 && (round & 15) == 0 && nk_clock() - lanes->clock_start[l] > b->max_seconds) return NK_TIME_LIMIT;
  return NK_OK;
}

/* What becomes of the lane after the step: goes on, next segment, or the run ends. */
static void nk_settle(const nk_model *m, const nk_batch *b, nk_results *r, nk_lanes *lanes, nk_work *w, int l, const nk_attempt *a, const nk_verdict *v, int accepted,
                      int last, long long round) {
  if (!accepted) {
    if (nk_reject(nk_methods[b->method]->order, lanes, v, l, a->h[l])) {
      int broken = lanes->reason[l] == NK_NON_FINITE_RHS ? nk_first_broken(b->method, m, lanes, w, l, a) : -1;
      int blamed = nk_blame(m, b, w, lanes, l, a->h[l], broken);
      nk_finish(m, b, r, lanes, w, l, lanes->reason[l], blamed);
      return;
    }
  } else if (v->diverged[l]) {
    nk_finish(m, b, r, lanes, w, l, NK_DIVERGED, nk_diverged_component(m, b, w, l));
    return;
  } else if (last) {
    const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
    if (++lanes->segment[l] == p->n_segments) {
      nk_finish(m, b, r, lanes, w, l, NK_OK, -1);
      return;
    }
    nk_load_segment(m, b, lanes, w, l);
  }
  int spent = nk_budget(b, lanes, l, accepted ? a->h[l] : 0.0, round);
  if (spent != NK_OK) nk_finish(m, b, r, lanes, w, l, spent, nk_worst(m, b, w, l));
}

/* Give free lanes new jobs; returns whether any lane has one. */
static int nk_refill(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w) {
  int active = 0;
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0) nk_take_job(m, b, lanes, w, l);
    active |= lanes->job[l] >= 0;
  }
  return active;
}

static int nk_integrate(const nk_model *m, const nk_batch *b, nk_results *r) {
  const nk_method *method = nk_methods[b->method];
  int evaluations = nk_evaluations(method);
  nk_work work, *w = &work;
  void *memory = nk_allocate(m, w);
  if (!memory) return -1;
  if (b->n_features && !(w->readings = nk_readings_new(b))) {
    free(memory);
    return -1;
  }
  if (b->channels && !(w->gating = nk_gating_new(b->channels, m->n_parts))) {
    nk_readings_free(b, w->readings);
    free(memory);
    return -1;
  }
  nk_lanes lanes_storage, *lanes = &lanes_storage;
  nk_fill_lanes(m, b, lanes, w);
  nk_want_records(m, b, w);
  if (w->gating) nk_want_rates(m, b->channels, w->gating);
  for (long long round = 0; nk_refill(m, b, lanes, w); round++) {
    if (__atomic_load_n(b->cancel, __ATOMIC_RELAXED)) {
      for (int l = 0; l < NK_LANES; l++)
        if (lanes->job[l] >= 0) nk_finish(m, b, r, lanes, w, l, NK_CANCELLED, -1);
      break;
    }
    int last[NK_LANES], accepted[NK_LANES];
    vd t_new;
    nk_attempt a = nk_prepare(method->order, m, b, lanes, w, &t_new, last);
    vi pressed_state = nk_seti(0), pressed = nk_pressed(m, b, w, lanes->standing, lanes->segment_length - lanes->t, &pressed_state);
    lanes->standing = nk_seti(0);
    nk_stages(b->method, m, lanes, w, &a, NULL);
    nk_verdict v = nk_judge(m, b, w);
    for (int l = 0; l < NK_LANES; l++) {
      int good = lanes->job[l] >= 0 && !pressed[l] && v.finite[l];
      accepted[l] = good && v.in_range[l] && (b->fixed_step > 0.0 || v.error[l] <= 1.0);
      lanes->counters[l][NK_RHS] += evaluations;
      lanes->counters[l][NK_JACOBIANS]++;
    }
    w->dense_ready = 0;
    nk_record(method, b, r, lanes, w, a.h, &t_new, accepted);
    if (w->readings) nk_read(method, m, b, lanes, w, a.h, t_new, accepted, a.relaxing);
    if (w->readings && w->readings->out_of_memory) break;
    nk_advance(method->order, m, b, lanes, w, &a, &v, t_new, accepted);
    if (w->gating) nk_gating_end(m, b, lanes, w, a.h, a.relaxing, accepted);
    for (int l = 0; l < NK_LANES; l++) {
      if (lanes->job[l] < 0) continue;
      if (pressed[l]) nk_finish(m, b, r, lanes, w, l, NK_OUT_OF_RANGE, (int)pressed_state[l]);
      else if (w->gating && w->gating->broken[l]) nk_finish(m, b, r, lanes, w, l, NK_NON_FINITE_RHS, -1);
      else nk_settle(m, b, r, lanes, w, l, &a, &v, accepted[l], last[l], round);
    }
  }
  nk_flush_samples(b, r, w);
  int failed = w->readings && w->readings->out_of_memory ? -1 : 0;
  nk_readings_free(b, w->readings);
  free(w->gating);
  free(memory);
  return failed;
}

#endif
