/* What a feature remembers of the run in each lane: its window within the present segment and what was seen so far. */
#ifndef NK_WATCH_H
#define NK_WATCH_H

#include <stdlib.h>
#include <string.h>

#include "engine_api.h"
#include "quartic.h"

/* A stretch of a step that raised the largest value: where a half-time is looked for when the peak is known. */
typedef struct {
  double since, h, a, b, top; /* start of the step and its length [ms since the window's start]; theta from a to b; largest value at its end */
  nk_quartic course;
} nk_rise;

typedef struct {
  nk_rise *items;
  int count, capacity;
} nk_rises;

typedef struct {
  vd from, to;         /* the window's part of the lane's segment [ms from its start]; to <= from where there is none */
  vd reference, onset; /* times of the reference value and of the value just before the window; -1 where they are in another segment */
  vd since;            /* time since the window's start minus time since the segment's start [ms] */
  vd base, level;      /* reference value; level to be reached, times the sign */
  vd slack;
  vd best, when, sum;  /* largest value times the sign, its time, the integral; a result found before the end of the window is in best;
                        * the sum of a peak is 0, or not a number where the quantity was none */
  vi above, open;      /* side of the level; passages are still looked for */
  int left[NK_LANES];  /* passages to go */
  unsigned here;       /* bit l: lane l's segment has a part of the window or one of its points */
  vd a, b;             /* theta at which the window cuts the present step */
  vi inside, at_reference, at_onset;
  nk_rises rises[NK_LANES];
} nk_watch;

typedef struct {
  nk_watch *watches; /* n_features */
  nk_course *course; /* n_watched: the present step */
  vd *last, *at[5];  /* n_watched: value at the end of the last step; at theta = 0, 1/4, 1/2, 3/4, 1 of the present one */
  vi jumped;         /* lanes whose channels gated at the start of the present step */
  vi known;          /* lanes for which ``last`` is the value at the start of the present step */
  int *wanted;       /* n_watched: somebody looks at it in the present step */
  int out_of_memory;
} nk_readings;

static void nk_readings_free(const nk_batch *b, nk_readings *r) {
  if (!r) return;
  for (int k = 0; k < b->n_features; k++)
    for (int l = 0; l < NK_LANES; l++) free(r->watches[k].rises[l].items);
  free(r);
}

/* One aligned allocation for everything but the rises; NULL when there is no memory. */
static nk_readings *nk_readings_new(const nk_batch *b) {
  size_t watches = (size_t)b->n_features * sizeof(nk_watch), courses = (size_t)b->n_watched * sizeof(nk_course), values = (size_t)b->n_watched * sizeof(vd);
  size_t head = (sizeof(nk_readings) + 63) / 64 * 64;
  void *memory = NULL;
  size_t size = head + watches + courses + 6 * values + (size_t)b->n_watched * sizeof(int);
  if (posix_memalign(&memory, 64, size)) return NULL;
  memset(memory, 0, size);
  nk_readings *r = (nk_readings *)memory;
  char *pool = (char *)memory + head;
  r->watches = (nk_watch *)pool;
  r->course = (nk_course *)(pool + watches);
  vd *rows = (vd *)(pool + watches + courses);
  r->last = rows;
  for (int i = 0; i < 5; i++) r->at[i] = rows + (size_t)(i + 1) * b->n_watched;
  r->wanted = (int *)(rows + (size_t)6 * b->n_watched);
  return r;
}

/* A new run in lane l has seen nothing. */
static void nk_readings_start(const nk_batch *b, nk_readings *r, const nk_protocol *p, int l) {
  for (int k = 0; k < b->n_features; k++) {
    const nk_feature *f = &b->features[k];
    nk_watch *w = &r->watches[k];
    w->base[l] = f->base;
    w->slack[l] = p->windows[k].slack;
    w->level[l] = f->sign * f->level - w->slack[l]; /* of a crossing above a reference: set at the onset */
    w->best[l] = -INFINITY;
    w->when[l] = w->sum[l] = 0.0;
    w->above[l] = 0;
    w->open[l] = -1;
    w->left[l] = f->nth;
    w->rises[l].count = 0;
  }
}

/* Lane l begins segment s of its protocol: which part of each window lies in it. */
static void nk_readings_enter(const nk_batch *b, nk_readings *r, const nk_protocol *p, int s, int l) {
  r->known[l] = r->jumped[l] = 0;
  for (int k = 0; k < b->n_features; k++) {
    const nk_window *window = &p->windows[k];
    nk_watch *w = &r->watches[k];
    int inside = window->first <= s && s <= window->last;
    w->from[l] = inside && s == window->first ? window->start : 0.0;
    w->to[l] = !inside ? -1.0 : s == window->last ? window->end : p->lengths[s];
    w->reference[l] = window->reference == s ? window->reference_time : -1.0;
    w->onset[l] = window->onset == s ? window->onset_time : -1.0;
    w->since[l] = s == window->first ? -window->start : p->edges[s] - p->edges[window->first] - window->start;
    unsigned bit = 1u << l, here = inside || window->reference == s || window->onset == s;
    w->here = here ? w->here | bit : w->here & ~bit;
  }
}

/* A run that is over meets no window. */
static void nk_readings_leave(const nk_batch *b, nk_readings *r, int l) {
  for (int k = 0; k < b->n_features; k++) r->watches[k].here &= ~(1u << l);
}

/* Value at which half (or another share) of the way from the reference to the largest value is done, times the sign. */
static double nk_share_of_peak(const nk_feature *f, const nk_watch *w, int l) {
  double base = f->sign * w->base[l];
  return base + f->level * (w->best[l] - base);
}

/* Keep a stretch that raised the largest value; forgets those that ended below the present half, since the half only rises. */
static void nk_keep_rise(const nk_feature *f, nk_readings *r, nk_watch *w, int l, const nk_rise *rise) {
  nk_rises *list = &w->rises[l];
  if (list->count == list->capacity) {
    double half = nk_share_of_peak(f, w, l);
    int kept = 0;
    for (int i = 0; i < list->count; i++)
      if (list->items[i].top >= half) list->items[kept++] = list->items[i];
    list->count = kept;
    if (2 * kept >= list->capacity) {
      int capacity = list->capacity ? 2 * list->capacity : 64;
      nk_rise *items = (nk_rise *)realloc(list->items, (size_t)capacity * sizeof *items);
      if (!items) {
        r->out_of_memory = 1;
        return;
      }
      list->items = items;
      list->capacity = capacity;
    }
  }
  list->items[list->count++] = *rise;
}

#define NK_ROUNDING 1e-12 /* of a value */

/* Time since the window's start at which half of the rise was first reached; NaN without a rise beyond rounding. */
static double nk_half_time(const nk_feature *f, const nk_watch *w, int l) {
  double base = f->sign * w->base[l];
  if (!(w->best[l] - base > NK_ROUNDING * fmax(fabs(w->best[l]), fabs(base)))) return NAN;
  double half = nk_share_of_peak(f, w, l);
  const nk_rises *list = &w->rises[l];
  for (int i = 0; i < list->count; i++) {
    const nk_rise *rise = &list->items[i];
    int above = 0, left = 1;
    if (rise->top < half) continue;
    double theta = nk_passage(&rise->course, half, rise->a, rise->b, 0, &above, &left);
    return rise->since + (theta >= 0.0 ? theta : rise->b) * rise->h;
  }
  return NAN;
}

/* A value of a state within its declared range: between two steps the polynomial may miss a bound by a fraction of the tolerance. */
static double nk_in_range(const nk_batch *b, int quantity, double value) {
  if (b->watched_kind[quantity] != 0) return value;
  double lower = b->lower[b->watched_index[quantity]], upper = b->upper[b->watched_index[quantity]];
  return value < lower ? lower : value > upper ? upper : value;
}

/* Result of feature k for the finished run in lane l; times and durations in ms. */
static double nk_reading(const nk_batch *b, const nk_readings *r, const nk_protocol *p, int k, int l) {
  const nk_feature *f = &b->features[k];
  const nk_watch *w = &r->watches[k];
  double length = p->windows[k].length;
  if ((f->kind == NK_PEAK || f->kind == NK_PEAK_TIME || f->kind == NK_HALF_TIME) && w->sum[l] != 0.0) return NAN; /* undefined in a part of its window */
  switch (f->kind) {
    case NK_PEAK: return w->best[l] > -INFINITY ? nk_in_range(b, f->quantity, f->sign * w->best[l]) - w->base[l] : NAN;
    case NK_PEAK_TIME: return w->best[l] > -INFINITY ? (w->when[l] > 0.0 ? w->when[l] : 0.0) : NAN;
    case NK_AREA: return w->sum[l];
    case NK_MEAN: return nk_in_range(b, f->quantity, w->sum[l] / length + w->base[l]) - w->base[l];
    case NK_HALF_TIME: return nk_half_time(f, w, l);
    case NK_VALUE:
    case NK_VALUE_WHEN: return w->open[l] ? NAN : nk_in_range(b, f->quantity, w->best[l]) - w->base[l];
    default: return w->open[l] ? NAN : (w->best[l] < 0.0 ? 0.0 : w->best[l]);
  }
}

#endif
