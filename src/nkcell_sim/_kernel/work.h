/* The memory of one thread's block: what each lane is doing, and the work arrays of a step. */
#ifndef NK_WORK_H
#define NK_WORK_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channels.h"
#include "method.h"
#include "model.h"
#include "watch.h"

typedef struct {
  int job[NK_LANES], segment[NK_LANES], next_time[NK_LANES], started[NK_LANES], rejections[NK_LANES], reason[NK_LANES];
  int usual[NK_LANES];                        /* the run has the declared exponents */
  int changing[NK_LANES], relaxing[NK_LANES]; /* inputs that slope or relax within the lane's present segment */
  long long counters[NK_LANES][NK_COUNTERS];
  long long most_steps[NK_LANES]; /* what is left of the run's budget when it starts */
  double clock_start[NK_LANES];
  vd t, h, segment_length, last_error, last_step;
  vi standing; /* a state may stand on its bound */
  double crowding[NK_LANES]; /* attempted steps beyond the allowed rate, see nk_budget */
} nk_lanes;

/* Some of a row of things: flagged, and listed. */
typedef struct {
  unsigned char *flags;
  unsigned short *list;
  int count;
} nk_marks;

/* Samples whose outputs wait to be computed together: one a slot, of any lane and time, and where they are recorded. */
typedef struct {
  vd *states, *inputs, *fixed;
  double *row[NK_LANES];
  int count;
  const struct nk_equations *equations;
} nk_samples;

typedef struct {
  vd *y, *y_new, *stage, *f, *f0, *ft, *error, *jac, *w, *k[NK_MAX_STAGES], *dense[NK_MAX_DENSE], *fixed, *outputs;
  vd *u, *u_stage, *u_rate, *level, *slope, *amplitude, *rate;
  double *scratch;
  const nk_equations *equations; /* those that suit every lane of the block */
  int unsettled;                 /* inputs changed since what they decide was computed */
  vd *carried;                   /* what parts of the observables hand to each other */
  nk_marks parts, read, driving, constants; /* of the observables, the states, inputs and fixed numbers: those that are wanted */
  nk_samples samples;
  int dense_ready; /* the coefficients in dense belong to the present step */
  nk_readings *readings; /* NULL without features */
  nk_gating *gating;     /* NULL without drawn channels */
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
  size_t count = (size_t)n * (7 + NK_MAX_STAGES + NK_MAX_DENSE) + m->n_jacobian + m->n_factors + m->n_fixed + m->n_outputs + m->n_carried + 7 * (size_t)nu + 1;
  count += (size_t)n + nu + m->n_fixed; /* samples */
  size_t marks = (size_t)m->n_parts + n + nu + m->n_fixed, extra = (size_t)m->n_fixed * sizeof(double) + marks * (sizeof(unsigned short) + 1);
  void *memory = NULL;
  if (posix_memalign(&memory, 64, count * sizeof(vd) + extra)) return NULL;
  memset(memory, 0, count * sizeof(vd) + extra);
  vd *pool = (vd *)memory;
  vd **state_arrays[] = {&work->y, &work->y_new, &work->stage, &work->f, &work->f0, &work->ft, &work->error};
  for (int i = 0; i < 7; i++) *state_arrays[i] = nk_take(&pool, n);
  for (int s = 0; s < NK_MAX_STAGES; s++) work->k[s] = nk_take(&pool, n);
  for (int s = 0; s < NK_MAX_DENSE; s++) work->dense[s] = nk_take(&pool, n);
  work->jac = nk_take(&pool, m->n_jacobian);
  work->w = nk_take(&pool, m->n_factors);
  work->fixed = nk_take(&pool, m->n_fixed);
  work->outputs = nk_take(&pool, m->n_outputs);
  work->carried = nk_take(&pool, m->n_carried);
  work->samples = (nk_samples){nk_take(&pool, n), nk_take(&pool, nu), nk_take(&pool, m->n_fixed), {0}, 0, NULL};
  vd **input_arrays[] = {&work->u, &work->u_stage, &work->u_rate, &work->level, &work->slope, &work->amplitude, &work->rate};
  for (int i = 0; i < 7; i++) *input_arrays[i] = nk_take(&pool, nu);
  work->scratch = (double *)((vd *)memory + count);
  unsigned short *lists = (unsigned short *)(work->scratch + m->n_fixed);
  unsigned char *flags = (unsigned char *)(lists + marks);
  work->parts = (nk_marks){flags, lists, 0};
  work->read = (nk_marks){flags + m->n_parts, lists + m->n_parts, 0};
  work->driving = (nk_marks){flags + m->n_parts + n, lists + m->n_parts + n, 0};
  work->constants = (nk_marks){work->driving.flags + nu, work->driving.list + nu, 0};
  work->dense_ready = 0;
  work->readings = NULL;
  work->gating = NULL;
  return memory;
}

#endif
