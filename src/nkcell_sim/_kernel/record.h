/* Dense output: values at the times asked for, read between two steps so that they never change a step. */
#ifndef NK_RECORD_H
#define NK_RECORD_H

#include "jobs.h"
#include "observe.h"

static int nk_pending(const nk_protocol *p, const nk_lanes *lanes, int l, double t_new) {
  int i = lanes->next_time[l];
  return i < p->n_times && p->time_segment[i] == lanes->segment[l] && p->times[i] <= t_new;
}

/* The coefficients of the dense output of every state that is read, once a step. */
static void nk_dense(const nk_method *method, nk_work *w) {
  if (w->dense_ready) return;
  for (int q = 0; q < w->read.count; q++) {
    int i = w->read.list[q];
    vd sum[NK_MAX_DENSE] = {nk_set(0.0), nk_set(0.0), nk_set(0.0)};
    for (int s = 0; s < method->stages; s++)
      for (int d = 0; d < NK_MAX_DENSE; d++) sum[d] = nk_fma(nk_set(method->h[d][s]), w->k[s][i], sum[d]);
    for (int d = 0; d < NK_MAX_DENSE; d++) w->dense[d][i] = sum[d];
  }
  w->dense_ready = 1;
}

/* The states of lane l that are read, at several theta of its present step; both ends of a step are in range, the polynomial between them may miss
 * a bound by a fraction of the tolerance. */
static void nk_dense_states(const nk_batch *b, const nk_work *w, int l, vd theta, vi at_end, vi taken, vd *restrict states) {
  const vd *y0 = w->y, *y1 = w->y_new, *k1 = w->dense[0], *k2 = w->dense[1], *k3 = w->dense[2];
  const unsigned short *list = w->read.list;
  vd rest = 1.0 - theta;
  for (int q = 0, count = w->read.count; q < count; q++) {
    int i = list[q];
    double y = y0[i][l], y_new = y1[i][l];
    vd inner = k1[i][l] + theta * (k2[i][l] + theta * k3[i][l]);
    vd value = nk_select(at_end, nk_set(y_new), y + theta * ((y_new - y) + rest * inner));
    value = nk_max(nk_set(b->lower[i]), nk_min(nk_set(b->upper[i]), value));
    states[i] = nk_select(taken, value, states[i]);
  }
}

/* An input of lane l at several times after the start of its segment. */
static vd nk_input_at(const nk_work *w, int i, int l, vd dt) {
  vd u = w->level[i][l] + w->slope[i][l] * dt;
  return w->amplitude[i][l] != 0.0 ? u + w->amplitude[i][l] * nk_exp(-w->rate[i][l] * dt) : u;
}

/* Compute and record the outputs of the samples that wait. */
static void nk_flush_samples(const nk_batch *b, const nk_results *r, nk_work *w) {
  nk_samples *s = &w->samples;
  if (!s->count) return;
  s->equations->observe(s->states, s->inputs, s->fixed, w->outputs, w->carried, w->parts.list, w->parts.count);
  for (int i = 0; i < b->n_records; i++)
    if (b->record_kind[i] == 1)
      for (int slot = 0; slot < s->count; slot++) s->row[slot][(size_t)i * r->n_times_max] = w->outputs[b->record_index[i]][slot];
  s->count = 0;
}

/* Free slots take output times of lane l up to t_new; returns how many. */
static int nk_take_times(const nk_protocol *p, nk_lanes *lanes, const nk_samples *s, int l, double t_new, vd *t, vi *taken) {
  int first = lanes->next_time[l];
  for (int slot = s->count; slot < NK_LANES && nk_pending(p, lanes, l, t_new); slot++) {
    (*t)[slot] = p->times[lanes->next_time[l]++];
    (*taken)[slot] = -1;
  }
  return lanes->next_time[l] - first;
}

/* Some output times of one lane: states and inputs are recorded, outputs wait until a block of them is full, whoever they belong to. */
static void nk_sample(const nk_batch *b, const nk_results *r, nk_lanes *lanes, nk_work *w, int l, double h, double t_new) {
  const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
  nk_samples *s = &w->samples;
  if (s->equations != w->equations) nk_flush_samples(b, r, w);
  s->equations = w->equations;
  double *row = r->records + (size_t)lanes->job[l] * b->n_records * r->n_times_max + lanes->next_time[l];
  vd t = nk_set(lanes->t[l]);
  vi taken = nk_seti(0);
  int first = s->count, count = nk_take_times(p, lanes, s, l, t_new, &t, &taken);
  vd theta = (t - lanes->t[l]) / h;
  vi at_end = t == nk_set(t_new);
  nk_dense_states(b, w, l, theta, at_end, taken, s->states);
  for (int q = 0; q < w->driving.count; q++) {
    int i = w->driving.list[q];
    s->inputs[i] = nk_select(taken, nk_input_at(w, i, l, t), s->inputs[i]);
  }
  for (int i = 0; i < b->n_records; i++) {
    if (b->record_kind[i] == 1) continue;
    const vd *values = &(b->record_kind[i] == 0 ? s->states : s->inputs)[b->record_index[i]];
    for (int k = 0; k < count; k++) row[(size_t)i * r->n_times_max + k] = (*values)[first + k];
  }
  if (!w->parts.count) return;
  for (int q = 0; q < w->constants.count; q++) {
    int i = w->constants.list[q];
    s->fixed[i] = nk_select(taken, nk_set(w->fixed[i][l]), s->fixed[i]);
  }
  for (int k = 0; k < count; k++) s->row[first + k] = row + k;
  s->count += count;
  if (s->count == NK_LANES) nk_flush_samples(b, r, w);
}

/* Record every output time inside the step that lanes have just made. */
static void nk_record(const nk_method *method, const nk_batch *b, nk_results *r, nk_lanes *lanes, nk_work *w, vd h, const vd *t_new, const int *accepted) {
  if (!b->n_records) return;
  for (int l = 0; l < NK_LANES; l++) {
    if (!accepted[l]) continue;
    const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
    while (nk_pending(p, lanes, l, (*t_new)[l])) {
      nk_dense(method, w);
      nk_sample(b, r, lanes, w, l, h[l], (*t_new)[l]);
    }
  }
}

#endif
