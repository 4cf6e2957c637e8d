/* Jobs and segments of each lane: taking the next run, loading a piece of its protocol, storing how it ended. */
#ifndef NK_JOBS_H
#define NK_JOBS_H

#include "work.h"

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
  int s = lanes->segment[l], n = m->n_inputs, sloping = 0, relaxing = 0;
  for (int i = 0; i < n; i++) {
    w->level[i][l] = p->level[s * n + i];
    w->slope[i][l] = p->slope[s * n + i];
    w->amplitude[i][l] = p->amplitude[s * n + i];
    w->rate[i][l] = p->rate[s * n + i];
    sloping |= p->slope[s * n + i] != 0.0;
    relaxing |= p->amplitude[s * n + i] != 0.0;
  }
  if (w->gating) nk_gating_enter(b->channels, w->gating, w->level, l);
  w->unsettled = 1;
  lanes->relaxing[l] = relaxing;
  lanes->changing[l] = sloping || relaxing;
  lanes->t[l] = 0.0;
  lanes->segment_length[l] = p->lengths[s];
  lanes->started[l] = 0;
  lanes->standing[l] = -1;
  lanes->rejections[l] = 0;
  lanes->last_error[l] = 0.0;
  if (w->readings) nk_readings_enter(b, w->readings, p, s, l);
}

static void nk_start_job(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, int l, int job) {
  lanes->job[l] = job;
  lanes->segment[l] = 0;
  lanes->next_time[l] = 0;
  lanes->crowding[l] = 0.0;
  memset(lanes->counters[l], 0, sizeof lanes->counters[l]);
  lanes->most_steps[l] = b->max_steps - b->spent_steps[job];
  lanes->clock_start[l] = b->max_seconds > 0.0 ? nk_clock() - b->spent_seconds[job] : 0.0;
  for (int i = 0; i < m->n_states; i++) w->y[i][l] = b->y0[(size_t)job * m->n_states + i];
  const double *parameters = b->parameters + (size_t)job * m->n_parameters;
  lanes->usual[l] = nk_is_usual(m, parameters);
  m->hoist(parameters, w->scratch);
  for (int i = 0; i < m->n_fixed; i++) w->fixed[i][l] = w->scratch[i];
  if (w->readings) nk_readings_start(b, w->readings, &b->protocols[b->protocol_of[job]], l);
  if (w->gating) nk_gating_start(b->channels, w->gating, job, l);
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
  if (b->max_seconds > 0.0) r->seconds[job] = nk_clock() - lanes->clock_start[l];
  memcpy(r->counters + (size_t)job * NK_COUNTERS, lanes->counters[l], sizeof lanes->counters[l]);
  for (int k = 0; k < b->n_features && status == NK_OK; k++) r->features[(size_t)job * b->n_features + k] = nk_reading(b, w->readings, p, k, l);
  if (w->readings) nk_readings_leave(b, w->readings, l);
  if (w->gating) nk_gating_leave(w->gating, r->events + 2 * (size_t)job, l);
  lanes->job[l] = -1;
  lanes->changing[l] = lanes->relaxing[l] = 0;
  lanes->usual[l] = 1;
  lanes->h[l] = 1e-3;
  __atomic_fetch_add(b->finished, 1, __ATOMIC_RELAXED);
}

#endif
