/* Features of a run, read from the course of its quantities within each accepted step: no trajectory, and no step is changed.
 *
 * A state's course is its dense output, a polynomial of degree 4. An output's is the polynomial through its values at theta = 0, 1/4, 1/2,
 * 3/4 and 1, an input's its own line (or the polynomial through five points while it relaxes). A value at a time is the one just before
 * an edge; the course of a window runs from just after its start to just before its end. */
#ifndef NK_READINGS_H
#define NK_READINGS_H

#include "record.h"

/* Whether a point lies in the step (t, t_new]; the very start of a protocol belongs to its first step. */
static vi nk_point_inside(vd point, vd t, vd t_new) { return ((point > t) & (point <= t_new)) | ((point == nk_set(0.0)) & (t == nk_set(0.0))); }

/* Where each window cuts the present step, and which quantities are looked at; returns whether any is. */
static int nk_cut(const nk_batch *b, nk_readings *r, vi moves, vd t, vd h, vd t_new, int *outputs) {
  int any = 0;
  for (int q = 0; q < b->n_watched; q++) r->wanted[q] = 0;
  for (int k = 0; k < b->n_features; k++) {
    const nk_feature *f = &b->features[k];
    nk_watch *w = &r->watches[k];
    if (!w->here) continue;
    vd from = nk_max(w->from, t), to = nk_min(w->to, t_new);
    w->inside = (to > from) & moves & w->open;
    w->at_reference = nk_point_inside(w->reference, t, t_new) & moves;
    w->at_onset = nk_point_inside(w->onset, t, t_new) & moves;
    if (!nk_any(w->inside | w->at_reference | w->at_onset)) continue;
    w->a = (from - t) / h;
    w->b = nk_select(to == t_new, nk_set(1.0), (to - t) / h);
    any = r->wanted[f->quantity] = r->wanted[f->trigger] = 1;
  }
  for (int q = 0; q < b->n_watched; q++) *outputs |= r->wanted[q] && b->watched_kind[q] == 1;
  return any;
}

/* A state's course: the dense output y0 + theta (y1 - y0) + theta (1 - theta)(K1 + theta (K2 + theta K3)), by powers of theta. */
static nk_course nk_state_course(const nk_method *method, const nk_work *w, int i) {
  vd dense[NK_MAX_DENSE] = {{0}};
  for (int d = 0; d < method->dense; d++)
    for (int s = 0; s < method->stages; s++) dense[d] = nk_fma(nk_set(method->h[d][s]), w->k[s][i], dense[d]);
  nk_course p = {{w->y[i], (w->y_new[i] - w->y[i]) + dense[0], dense[1] - dense[0], dense[2] - dense[1], -dense[2]}, w->y_new[i]};
  return p;
}

/* The states that outputs read, at theta of the present step, into w->stage; both ends of a step are in range, the polynomial between them
 * may miss a bound by a fraction of the tolerance. */
static void nk_dense_at(const nk_batch *b, nk_work *w, vd theta, int at_end) {
  for (int q = 0; q < w->read.count; q++) {
    int i = w->read.list[q];
    vd inner = w->dense[0][i] + theta * (w->dense[1][i] + theta * w->dense[2][i]);
    vd value = at_end ? w->y_new[i] : w->y[i] + theta * ((w->y_new[i] - w->y[i]) + (1.0 - theta) * inner);
    value = nk_select(value < nk_set(b->lower[i]), nk_set(b->lower[i]), value);
    w->stage[i] = nk_select(value > nk_set(b->upper[i]), nk_set(b->upper[i]), value);
  }
}

/* Watched outputs and inputs at theta = quarter / 4. */
static void nk_quarter(const nk_batch *b, nk_readings *r, nk_work *w, int quarter, const vd *y, const vd *u, int outputs) {
  if (outputs) nk_observe(w, y, u);
  for (int q = 0; q < b->n_watched; q++) {
    if (b->watched_kind[q] == 1 && outputs) r->at[quarter][q] = w->outputs[b->watched_index[q]];
    if (b->watched_kind[q] == 2) r->at[quarter][q] = u[b->watched_index[q]];
  }
}

/* Values of outputs at the quarters of the step; the start is known from the step before unless a segment begins or nobody looked. */
static void nk_quarters(const nk_method *method, const nk_model *m, const nk_batch *b, nk_readings *r, const nk_lanes *lanes, nk_work *w, vd h, vd t_new, vi moves,
                        int relaxing, int outputs) {
  int unknown = outputs && nk_any(moves & ~r->known);
  nk_quarter(b, r, w, 0, w->y, w->u, unknown);
  for (int q = 0; q < b->n_watched; q++)
    if (b->watched_kind[q] == 1) r->at[0][q] = unknown ? nk_select(r->known, r->last[q], r->at[0][q]) : r->last[q];
  if (outputs) nk_dense(method, w);
  for (int quarter = 1; quarter <= 4; quarter++) {
    vd theta = nk_set(0.25 * quarter), when = quarter == 4 ? t_new : nk_fma(theta, h, lanes->t);
    nk_inputs(w, m->n_inputs, relaxing, when, w->u_stage, NULL);
    if (outputs) nk_dense_at(b, w, theta, quarter == 4);
    nk_quarter(b, r, w, quarter, w->stage, w->u_stage, outputs);
  }
}

/* The courses of all quantities that are looked at. */
static void nk_courses(const nk_method *method, const nk_model *m, const nk_batch *b, nk_readings *r, const nk_lanes *lanes, const nk_work *w, vd h) {
  vi relaxing;
  for (int l = 0; l < NK_LANES; l++) relaxing[l] = -(int64_t)lanes->relaxing[l];
  for (int q = 0; q < b->n_watched; q++) {
    if (!r->wanted[q]) continue;
    int index = b->watched_index[q];
    if (b->watched_kind[q] == 0) {
      r->course[q] = nk_state_course(method, w, index);
      continue;
    }
    r->course[q] = nk_through(r->at[0][q], r->at[1][q], r->at[2][q], r->at[3][q], r->at[4][q]);
    if (b->watched_kind[q] == 1) continue;
    nk_course line = {{r->at[0][q], w->slope[index] * h, nk_set(0.0), nk_set(0.0), nk_set(0.0)}, r->at[4][q]};
    for (int i = 0; i < 5; i++) r->course[q].c[i] = nk_select(relaxing, r->course[q].c[i], line.c[i]);
  }
}

/* Reference value, and what follows from the value just before the window. */
static void nk_points(const nk_feature *f, nk_watch *w, const nk_course *p, vd t, vd h, vd t_new) {
  if (nk_any(w->at_reference)) {
    vd theta = nk_select(w->reference == t_new, nk_set(1.0), (w->reference - t) / h);
    w->base = nk_select(w->at_reference, nk_course_at(p, theta), w->base);
  }
  if (!nk_any(w->at_onset)) return;
  vd theta = nk_select(w->onset == t_new, nk_set(1.0), (w->onset - t) / h), value = nk_course_at(p, theta), sign = nk_set(f->sign);
  if (f->kind == NK_VALUE) {
    w->best = nk_select(w->at_onset, value, w->best);
    w->open &= ~w->at_onset;
  } else if (f->kind == NK_DECAY) { /* a fall is a rise of the negative; nothing to fall from: never open */
    w->level = nk_select(w->at_onset, sign * (w->base + f->level * (value - w->base)), w->level);
    w->open &= ~w->at_onset | (sign * value < sign * w->base);
    w->inside &= w->open;
    w->best = nk_select(w->at_onset & ~w->open, nk_set(NAN), w->best);
  } else if (f->kind == NK_CROSSING) {
    w->level = nk_select(w->at_onset, sign * (w->base + f->level) - w->slack, w->level);
    w->above = nk_selecti(w->at_onset, sign * value >= w->level, w->above);
  }
}

/* The largest value so far. Lanes whose course may turn above it are looked at one by one. */
static void nk_peak(const nk_feature *f, nk_readings *r, nk_watch *w, const nk_course *p, vd t, vd h) {
  vd start = nk_course_at(p, w->a), end = nk_course_at(p, w->b), before = w->best, low, high;
  w->sum = nk_select(w->inside, w->sum + 0.0 * (start + end), w->sum); /* not a number as soon as the course is none */
  vi first = w->inside & (start > w->best);
  w->best = nk_select(first, start, w->best);
  w->when = nk_select(first, t + w->since + w->a * h, w->when);
  vi last = w->inside & (end > w->best);
  w->best = nk_select(last, end, w->best);
  w->when = nk_select(last, t + w->since + w->b * h, w->when);
  nk_course_bounds(p, &low, &high);
  vi turning = w->inside & nk_course_turns(p) & (high > w->best);
  int keep = f->kind == NK_HALF_TIME, some = nk_any(turning);
  if (!some && !keep) return;
  for (int l = 0; l < NK_LANES; l++) {
    if (turning[l]) {
      nk_quartic q = nk_lane_of(p, l);
      double turns[3];
      int count = nk_turns(q.c, 4, w->a[l], w->b[l], turns);
      for (int i = 0; i < count; i++) {
        double value = nk_quartic_at(&q, turns[i]);
        if (!(value > w->best[l])) continue;
        w->best[l] = value;
        w->when[l] = t[l] + w->since[l] + turns[i] * h[l];
      }
    }
    if (!keep || !w->inside[l] || !(w->best[l] > before[l])) continue;
    nk_rise rise = {t[l] + w->since[l], h[l], w->a[l], w->b[l], w->best[l], nk_lane_of(p, l)};
    nk_keep_rise(f, r, w, l, &rise);
  }
}

/* Passages through a level; lanes that stay on their side by their bounds are done with. */
static void nk_crossing(const nk_feature *f, nk_watch *w, const nk_course *p, vd t, vd h) {
  vd low, high;
  nk_course_bounds(p, &low, &high);
  vi near = w->inside & ((w->above & (low < w->level)) | (~w->above & (high >= w->level)));
  if (!nk_any(near)) return;
  for (int l = 0; l < NK_LANES; l++) {
    if (!near[l]) continue;
    nk_quartic q = nk_lane_of(p, l);
    int above = w->above[l] != 0;
    double theta = nk_passage(&q, w->level[l], w->a[l], w->b[l], f->either, &above, &w->left[l]);
    w->above[l] = -(int64_t)above;
    if (theta < 0.0) continue;
    w->best[l] = t[l] + w->since[l] + theta * h[l];
    w->open[l] = 0;
  }
}

/* Where the trigger comes to its level within one stretch that no edge breaks, or -1; ``fresh`` when the stretch begins. */
static double nk_meeting(const nk_feature *f, const nk_quartic *q, double level, double slack, double a, double b, int fresh, int *above) {
  double start = nk_quartic_at(q, a), end = nk_quartic_at(q, b), exact = level + slack;
  int left = 1;
  if (fresh) {
    if (fabs(start - exact) <= slack && (f->either || end > exact)) return a;
    *above = start >= level;
  }
  double theta = nk_passage(q, level, a, b, f->either, above, &left);
  if (theta < 0.0 && f->either && fabs(end - exact) <= slack) return b;
  return theta;
}

/* The value of one quantity when another comes to its level. */
static void nk_value_when(const nk_feature *f, const nk_readings *r, nk_watch *w, const nk_course *value, const nk_course *trigger, vd t) {
  vd low, high;
  nk_course_bounds(trigger, &low, &high);
  vi fresh = (t == nk_set(0.0)) | (w->when == nk_set(0.0)) | r->jumped; /* a segment or the window begins here, or a channel gated */
  vi near = w->inside & (fresh | (w->above & (low <= w->level + 2.0 * w->slack)) | (~w->above & (high >= w->level)));
  if (!nk_any(near)) return;
  for (int l = 0; l < NK_LANES; l++) {
    if (!near[l]) continue;
    nk_quartic q = nk_lane_of(trigger, l), of = nk_lane_of(value, l);
    int above = w->above[l] != 0;
    w->when[l] = 1.0; /* seen */
    double theta = nk_meeting(f, &q, w->level[l], w->slack[l], w->a[l], w->b[l], fresh[l] != 0, &above);
    w->above[l] = -(int64_t)above;
    if (theta < 0.0) continue;
    w->best[l] = nk_quartic_at(&of, theta);
    w->open[l] = 0;
  }
}

static void nk_read_one(const nk_feature *f, nk_readings *r, nk_watch *w, vd t, vd h, vd t_new) {
  const nk_course *p = &r->course[f->quantity];
  nk_points(f, w, p, t, h, t_new);
  if (!nk_any(w->inside)) return;
  if (f->kind == NK_AREA || f->kind == NK_MEAN) {
    vd part = nk_course_sum(p, w->b) - nk_course_sum(p, w->a) - w->base * (w->b - w->a);
    w->sum = nk_select(w->inside, nk_fma(h, part, w->sum), w->sum);
    return;
  }
  nk_course of = nk_times(f->sign, f->kind == NK_VALUE_WHEN ? &r->course[f->trigger] : p);
  if (f->kind == NK_PEAK || f->kind == NK_PEAK_TIME || f->kind == NK_HALF_TIME) nk_peak(f, r, w, &of, t, h);
  else if (f->kind == NK_VALUE_WHEN) nk_value_when(f, r, w, p, &of, t);
  else nk_crossing(f, w, &of, t, h);
}

/* Read all features of the lanes whose step was accepted. */
static void nk_read(const nk_method *method, const nk_model *m, const nk_batch *b, const nk_lanes *lanes, nk_work *w, vd h, vd t_new, const int *accepted, int relaxing) {
  nk_readings *r = w->readings;
  vi moves;
  int outputs = 0, courses = 0;
  for (int l = 0; l < NK_LANES; l++) moves[l] = -(int64_t)accepted[l];
  if (nk_cut(b, r, moves, lanes->t, h, t_new, &outputs)) {
    for (int q = 0; q < b->n_watched; q++) courses |= r->wanted[q] && b->watched_kind[q] != 0;
    if (courses) nk_quarters(method, m, b, r, lanes, w, h, t_new, moves, relaxing, outputs);
    nk_courses(method, m, b, r, lanes, w, h);
    for (int k = 0; k < b->n_features; k++) {
      nk_watch *watch = &r->watches[k];
      if (watch->here && nk_any(watch->inside | watch->at_reference | watch->at_onset)) nk_read_one(&b->features[k], r, watch, lanes->t, h, t_new);
    }
  }
  /* the end of this step is the start of the next one, for the lanes that move on */
  if (outputs)
    for (int q = 0; q < b->n_watched; q++) r->last[q] = nk_select(moves, r->at[4][q], r->last[q]);
  r->known = outputs ? r->known | moves : r->known & ~moves;
  r->jumped &= ~moves;
}

#endif
