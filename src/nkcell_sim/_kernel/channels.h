/* Drawn channels: the random numbers of a run, and how many of its channels are in each state. What moves them is in gating.h.
 *
 * Random numbers are Philox4x64-10 (Salmon et al. 2011, 10.1145/2063384.2063405): a block of four words is a function of the run's key, an index and a
 * purpose, so that what is drawn never depends on what was drawn before. Purpose 0 with index k is the k-th transition of the run (word 0: how long it
 * waits, word 1: which it is); purpose 1 + s with index i is the state that channel i of scheme s starts in. */
#ifndef NK_CHANNELS_H
#define NK_CHANNELS_H

#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "engine_api.h"

/* Kept out of the step loop, which stays as it is for cells without drawn channels. */
#define NK_APART static __attribute__((noinline))

typedef struct {
  long long *counts; /* n_states x NK_LANES: channels in each state */
  double *rates;     /* n_transitions x NK_LANES: of one channel [1/ms] */
  double *weights, *flows; /* of one scheme's states, and between any two of them: room for finding where channels start */
  unsigned char *flags;    /* parts of the observables that the rates need */
  unsigned short *parts;
  int n_parts, feedback; /* whether a rate depends on what the channels drive */
  int unplaced[NK_LANES], stale[NK_LANES], broken[NK_LANES], stopping[NK_LANES], job[NK_LANES];
  long long event[NK_LANES], granted[NK_LANES], total_number[NK_LANES];
  double total[NK_LANES]; /* rate of all transitions at the start of the present step [1/ms] */
  double left[NK_LANES];  /* what the integral of that rate has still to gather before the next transition */
  double choice[NK_LANES];
  vd stop, proposed; /* when a step must end [ms of the segment]; the step that control proposed before that */
} nk_gating;

static inline void nk_multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)a * b;
  *high = (uint64_t)(product >> 64);
  *low = (uint64_t)product;
}

static void nk_philox(const uint64_t *key, uint64_t index, uint64_t purpose, uint64_t *words) {
  uint64_t c0 = index, c1 = purpose, c2 = 0, c3 = 0, k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t high0, low0, high2, low2;
    nk_multiply(0xD2E7470EE14C6C93u, c0, &high0, &low0);
    nk_multiply(0xCA5A826395121157u, c2, &high2, &low2);
    c0 = high2 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low2;
    c3 = low0;
    k0 += 0x9E3779B97F4A7C15u;
    k1 += 0xBB67AE8584CAA73Bu;
  }
  words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* Number in [0, 1) from the upper 53 bits of a word. */
static inline double nk_uniform(uint64_t word) { return (double)(word >> 11) * 0x1p-53; }

/* The next transition of lane l: an exponential share of the integrated rate, and the number that will choose among the transitions. */
static void nk_draw_event(const nk_channels *c, nk_gating *g, int l) {
  uint64_t words[4];
  nk_philox(c->keys + 2 * (size_t)g->job[l], (uint64_t)g->event[l], 0, words);
  g->left[l] -= nk_log_1(nk_uniform(words[0]) + 0x1p-53);
  g->choice[l] = nk_uniform(words[1]);
}

/* Set the inputs that the channels of lane l drive; returns whether any changed. */
static int nk_drive(const nk_channels *c, const nk_gating *g, vd *level, int l) {
  int changed = 0;
  for (int d = 0; d < c->n_drives; d++) {
    double sum = 0.0;
    for (int s = 0; s < c->n_states; s++) sum += c->weight[d * c->n_states + s] * (double)g->counts[s * NK_LANES + l];
    changed |= level[c->driven[d]][l] != sum;
    level[c->driven[d]][l] = sum;
  }
  return changed;
}

/* A new run in lane l: its channels have no states yet. */
NK_APART void nk_gating_start(const nk_channels *c, nk_gating *g, int job, int l) {
  g->job[l] = job;
  g->unplaced[l] = 1;
  g->broken[l] = 0;
  g->event[l] = g->granted[l] = g->total_number[l] = 0;
  for (int s = 0; s < c->n_states; s++) g->counts[s * NK_LANES + l] = 0;
  for (int k = 0; k < c->n_schemes; k++) g->total_number[l] += c->numbers[(size_t)job * c->n_schemes + k];
  g->left[l] = 0.0;
  nk_draw_event(c, g, l);
}

/* A segment begins in lane l: what the channels drive goes on, their rates may have jumped. */
NK_APART void nk_gating_enter(const nk_channels *c, nk_gating *g, vd *level, int l) {
  nk_drive(c, g, level, l);
  g->stale[l] = 1;
}

NK_APART void nk_gating_leave(nk_gating *g, long long *events, int l) {
  events[0] = g->event[l];
  events[1] = g->granted[l];
  g->stale[l] = g->unplaced[l] = g->broken[l] = 0;
  g->stop[l] = INFINITY;
}

static void *nk_part(char **pool, size_t size) {
  void *part = *pool;
  *pool += (size + 63) / 64 * 64;
  return part;
}

/* One aligned allocation for everything; NULL when there is no memory. */
NK_APART nk_gating *nk_gating_new(const nk_channels *c, int n_parts) {
  int widest = 0;
  for (int k = 0; k < c->n_schemes; k++) {
    int states = c->first_state[k + 1] - c->first_state[k];
    if (states > widest) widest = states;
  }
  size_t sizes[] = {sizeof(nk_gating),
                    (size_t)c->n_states * NK_LANES * sizeof(long long),
                    (size_t)c->n_transitions * NK_LANES * sizeof(double),
                    (size_t)widest * sizeof(double),
                    (size_t)widest * widest * sizeof(double),
                    (size_t)n_parts * sizeof(unsigned short),
                    (size_t)n_parts};
  size_t total = 0;
  for (int i = 0; i < 7; i++) total += (sizes[i] + 63) / 64 * 64;
  void *memory = NULL;
  if (posix_memalign(&memory, 64, total)) return NULL;
  memset(memory, 0, total);
  char *pool = (char *)memory;
  nk_gating *g = (nk_gating *)nk_part(&pool, sizes[0]);
  g->counts = (long long *)nk_part(&pool, sizes[1]);
  g->rates = (double *)nk_part(&pool, sizes[2]);
  g->weights = (double *)nk_part(&pool, sizes[3]);
  g->flows = (double *)nk_part(&pool, sizes[4]);
  g->parts = (unsigned short *)nk_part(&pool, sizes[5]);
  g->flags = (unsigned char *)nk_part(&pool, sizes[6]);
  g->stop = nk_set(INFINITY);
  return g;
}

#endif
