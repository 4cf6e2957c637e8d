/* Channels that gate at random beside the deterministic cell (a piecewise deterministic Markov process).
 *
 * The next transition comes when the integral of the rate of all transitions reaches an exponentially distributed number. That rate follows the cell: it is
 * looked at wherever a step ends, at least once a tick, and its integral over the step is the trapezoid of both ends. A step ends where the transition
 * is due if the rate stays as it is; when the rate moved, what is missing is made up by another step, and what is too much counts for the next one. So
 * the error of the distribution falls with the square of the tick, and no random number depends on the tick. */
#ifndef NK_GATING_H
#define NK_GATING_H

#include <float.h>

#include "jobs.h"
#include "observe.h"

enum { NK_STEPS_FOR_EVENT = 32, NK_STEPS_FOR_TICK = 1, NK_MOST_EVENTS = 100, NK_EVENTS_AT_ONCE = 64 };
#define NK_HAZARD_SLACK 1e-3 /* a transition is due when this share of the mean waiting time is left; it counts for the next one */

/* The parts of the observables that the rates and the start need, and whether what the channels drive reaches a rate at once. */
NK_APART void nk_want_rates(const nk_model *m, const nk_channels *c, nk_gating *g) {
  nk_rows parts = m->parts, drives = m->drives;
  int starts = c->start_first[c->n_states];
  for (int r = 0; r < c->n_transitions + starts; r++) {
    int output = r < c->n_transitions ? c->rate[r] : c->start_output[r - c->n_transitions];
    for (int i = parts.start[output]; i < parts.start[output + 1]; i++) g->flags[parts.list[i]] = 1;
    for (int i = drives.start[output]; i < drives.start[output + 1]; i++)
      for (int d = 0; d < c->n_drives; d++) g->feedback |= c->driven[d] == drives.list[i];
  }
  for (int i = 0; i < m->n_parts; i++)
    if (g->flags[i]) g->parts[g->n_parts++] = (unsigned short)i;
}

static void nk_observe_rates(nk_work *w) {
  nk_gating *g = w->gating;
  w->equations->observe(w->y, w->u, w->fixed, w->outputs, w->carried, g->parts, g->n_parts);
}

static void nk_sum_rates(const nk_channels *c, nk_gating *g, int l) {
  double total = 0.0;
  for (int r = 0; r < c->n_transitions; r++) total += (double)g->counts[c->from[r] * NK_LANES + l] * g->rates[r * NK_LANES + l];
  g->total[l] = total;
}

/* The rates of lane l as they were just observed; one that is negative or not a number ends the run. */
static void nk_take_rates(const nk_channels *c, nk_gating *g, const nk_work *w, int l) {
  for (int r = 0; r < c->n_transitions; r++) {
    double rate = w->outputs[c->rate[r]][l];
    if (!(rate >= 0.0) || !isfinite(rate)) {
      g->broken[l] = 1;
      rate = 0.0;
    }
    g->rates[r * NK_LANES + l] = rate;
  }
  nk_sum_rates(c, g, l);
}

/* Stationary occupation of one scheme's states (Grassmann, Taksar and Heyman 1985: no subtraction); what cannot return to earlier states holds all. */
static void nk_stationary(const nk_channels *c, nk_gating *g, int scheme, int l) {
  int first = c->first_state[scheme], n = c->first_state[scheme + 1] - first;
  double *q = g->flows, *p = g->weights;
  for (int i = 0; i < n * n; i++) q[i] = 0.0;
  for (int r = 0; r < c->n_transitions; r++) {
    int from = c->from[r] - first, to = c->to[r] - first;
    if (0 <= from && from < n) q[from * n + to] += g->rates[r * NK_LANES + l];
  }
  for (int k = n - 1; k > 0; k--) { /* state k is left out: what passed through it goes directly */
    double out = 0.0;
    for (int j = 0; j < k; j++) out += q[k * n + j];
    p[k] = out;
    for (int i = 0; i < k && out > 0.0; i++)
      for (int j = 0; j < k; j++)
        if (i != j) q[i * n + j] += q[i * n + k] * (q[k * n + j] / out);
  }
  p[0] = 1.0;
  for (int k = 1; k < n; k++) {
    double in = 0.0, out = p[k];
    for (int i = 0; i < k; i++) in += p[i] * q[i * n + k];
    for (int i = 0; i < k && in > 0.0 && !(out > 0.0); i++) p[i] = 0.0;
    p[k] = !(in > 0.0) ? 0.0 : out > 0.0 ? in / out : 1.0;
  }
}

/* Weights of one scheme's states at the start of a run: as the cell says, or stationary. Returns their sum. */
static double nk_start_weights(const nk_channels *c, nk_gating *g, const nk_work *w, int scheme, int l) {
  int first = c->first_state[scheme], end = c->first_state[scheme + 1];
  double sum = 0.0;
  if (c->start_first[end] == c->start_first[first]) {
    nk_stationary(c, g, scheme, l);
  } else {
    for (int s = first; s < end; s++) {
      double weight = 1.0;
      for (int i = c->start_first[s]; i < c->start_first[s + 1]; i++) weight *= w->outputs[c->start_output[i]][l];
      g->weights[s - first] = weight;
    }
  }
  for (int s = 0; s < end - first; s++) sum = g->weights[s] >= 0.0 ? sum + g->weights[s] : NAN;
  return sum;
}

/* Put every channel of the new run in lane l into a state. */
static void nk_place_channels(const nk_channels *c, nk_gating *g, const nk_work *w, int l) {
  for (int k = 0; k < c->n_schemes; k++) {
    int first = c->first_state[k], last = c->first_state[k + 1] - 1;
    long long number = c->numbers[(size_t)g->job[l] * c->n_schemes + k];
    double sum = nk_start_weights(c, g, w, k, l);
    if (!(sum > 0.0) || !isfinite(sum)) {
      g->broken[l] = 1;
      return;
    }
    for (long long i = 0; i < number; i++) {
      uint64_t words[4];
      nk_philox(c->keys + 2 * (size_t)g->job[l], (uint64_t)i, 1 + (uint64_t)k, words);
      double mark = nk_uniform(words[0]) * sum;
      int s = first;
      while (s < last && mark >= g->weights[s - first]) mark -= g->weights[s++ - first];
      while (!(g->weights[s - first] > 0.0)) s--; /* rounding at the very end */
      g->counts[s * NK_LANES + l]++;
    }
  }
}

/* The shortest step that the clock of a segment can take. */
static double nk_shortest(double t) { return 1e-9 + 8.0 * DBL_EPSILON * t; }

/* When the present step of lane l must end: at the next transition, after a tick, or where the segment does. */
static void nk_plan_stop(const nk_channels *c, nk_gating *g, const nk_lanes *lanes, int l) {
  double t = lanes->t[l], shortest = nk_shortest(t), wait = g->total[l] > 0.0 ? g->left[l] / g->total[l] : INFINITY;
  double tick = lanes->changing[l] ? c->tick : c->calm_tick, ahead = wait < tick ? wait : tick;
  if (!(ahead > shortest)) ahead = shortest;
  g->stop[l] = g->total_number[l] && t + ahead < lanes->segment_length[l] - shortest ? t + ahead : INFINITY;
}

/* Before a step: lanes that begin a run get their channels, those that begin a segment look at their rates. */
NK_APART void nk_gating_begin(const nk_batch *b, const nk_lanes *lanes, nk_work *w) {
  const nk_channels *c = b->channels;
  nk_gating *g = w->gating;
  int stale = 0, placed = 0;
  for (int l = 0; l < NK_LANES; l++) stale |= lanes->job[l] >= 0 && g->stale[l];
  if (!stale) return;
  nk_observe_rates(w);
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0 || !g->unplaced[l]) continue;
    nk_take_rates(c, g, w, l);
    nk_place_channels(c, g, w, l);
    nk_drive(c, g, w->level, l);
    for (int d = 0; d < c->n_drives; d++) w->u[c->driven[d]][l] = w->level[c->driven[d]][l];
    g->unplaced[l] = 0;
    w->unsettled = placed = 1;
  }
  if (placed && g->feedback) nk_observe_rates(w);
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0 || !g->stale[l]) continue;
    nk_take_rates(c, g, w, l);
    nk_plan_stop(c, g, lanes, l);
    g->stale[l] = 0;
  }
}

/* Steps end at their lane's stop when that is near. */
NK_APART void nk_gating_bound(const nk_lanes *lanes, nk_gating *g, vd *h, vd *t_new, int *last) {
  vd left = g->stop - lanes->t;
  vi stops = (lanes->h * 1.000001 >= left) & (g->stop < lanes->segment_length);
  g->proposed = lanes->h;
  *h = nk_select(stops, left, *h);
  *t_new = nk_select(stops, g->stop, *t_new);
  for (int l = 0; l < NK_LANES; l++) {
    g->stopping[l] = stops[l] != 0;
    last[l] &= !g->stopping[l];
  }
}

/* One channel of lane l moves: a transition is chosen with the rates of this moment. */
static void nk_make_transition(const nk_channels *c, nk_gating *g, int l) {
  double mark = g->choice[l] * g->total[l];
  int chosen = -1;
  for (int r = 0; r < c->n_transitions; r++) {
    double share = (double)g->counts[c->from[r] * NK_LANES + l] * g->rates[r * NK_LANES + l];
    if (!(share > 0.0)) continue;
    chosen = r;
    if (mark < share) break;
    mark -= share;
  }
  g->counts[c->from[chosen] * NK_LANES + l]--;
  g->counts[c->to[chosen] * NK_LANES + l]++;
  g->event[l]++;
  nk_draw_event(c, g, l);
  nk_sum_rates(c, g, l);
}

/* All transitions of lane l that are due; returns how many. */
static int nk_make_due(const nk_channels *c, nk_gating *g, double t, int l) {
  int made = 0, most = g->feedback ? 1 : NK_EVENTS_AT_ONCE;
  double shortest = nk_shortest(t);
  while (made < most && g->total[l] > 0.0 && (g->left[l] <= NK_HAZARD_SLACK || g->left[l] <= shortest * g->total[l])) {
    nk_make_transition(c, g, l);
    made++;
  }
  return made;
}

/* Steps that ticks and transitions cost come on top of the run's budget, for a hundred times as many transitions as that has steps. */
static void nk_grant(const nk_batch *b, nk_gating *g, nk_lanes *lanes, int l, int steps) {
  if ((double)g->granted[l] >= (double)NK_MOST_EVENTS * NK_STEPS_FOR_EVENT * (double)b->max_steps) return;
  g->granted[l] += steps;
  lanes->most_steps[l] += steps;
  lanes->crowding[l] = lanes->crowding[l] > steps ? lanes->crowding[l] - steps : 0.0;
}

/* What the channels drive has jumped in lane l: like an edge of the protocol. */
static void nk_restart_step(nk_lanes *lanes, nk_work *w, int l) {
  w->unsettled = 1;
  lanes->started[l] = 0;
  lanes->standing[l] = -1;
  lanes->last_error[l] = 0.0;
  if (!w->readings) return;
  w->readings->known[l] = 0;
  w->readings->jumped[l] = -1;
}

/* After a step: the integral of the rates, transitions that are due, and the next stop of the lanes that moved on. */
NK_APART void nk_gating_end(const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, vd h, int relaxing, const int *accepted) {
  const nk_channels *c = b->channels;
  nk_gating *g = w->gating;
  int any = 0;
  for (int l = 0; l < NK_LANES; l++) any |= accepted[l];
  if (!any) return;
  nk_inputs(w, m->n_inputs, relaxing, lanes->t, w->u, NULL);
  nk_observe_rates(w);
  for (int l = 0; l < NK_LANES; l++) {
    if (!accepted[l] || !g->total_number[l]) continue;
    double before = g->total[l];
    nk_take_rates(c, g, w, l);
    g->left[l] -= 0.5 * (before + g->total[l]) * h[l];
    int made = nk_make_due(c, g, lanes->t[l], l);
    nk_grant(b, g, lanes, l, made ? NK_STEPS_FOR_EVENT : g->stopping[l] ? NK_STEPS_FOR_TICK : 0);
    if (made && nk_drive(c, g, w->level, l)) nk_restart_step(lanes, w, l);
    else if (g->stopping[l] && lanes->h[l] >= h[l] && lanes->h[l] < g->proposed[l]) lanes->h[l] = g->proposed[l];
    if (made && g->feedback) g->stale[l] = 1;
    nk_plan_stop(c, g, lanes, l);
  }
}

#endif
