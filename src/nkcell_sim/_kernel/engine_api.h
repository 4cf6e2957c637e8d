/* What an engine offers to the outside: plain C, no vectors. One engine is compiled per instruction set from the same source. */
#ifndef NK_ENGINE_API_H
#define NK_ENGINE_API_H

#include <stdint.h>

#include "method.h"

enum nk_status {
  NK_OK = 0,
  NK_STEP_LIMIT,
  NK_TIME_LIMIT,
  NK_NON_FINITE_RHS,
  NK_STEP_UNDERFLOW,
  NK_OUT_OF_RANGE,
  NK_DIVERGED,
  NK_CANCELLED,
  NK_NOT_RUN,
  NK_STEP_RATE_LIMIT
};

enum nk_counter { NK_STEPS = 0, NK_REJECTED, NK_RHS, NK_JACOBIANS, NK_COUNTERS };

typedef struct {
  const char *name, *hash;
  int n_states, n_parameters, n_inputs, n_fixed, n_jacobian, n_factors, n_outputs;
  const int *rows, *columns; /* of the Jacobian's stored entries */
} nk_model_info;

enum nk_feature_kind { NK_PEAK = 0, NK_PEAK_TIME, NK_AREA, NK_MEAN, NK_VALUE, NK_CROSSING, NK_HALF_TIME, NK_DECAY, NK_VALUE_WHEN };

/* One number to be read from a run: see readings.h. Quantities count in the batch's list of watched ones. */
typedef struct {
  int kind, quantity, trigger; /* trigger: the quantity whose level decides when NK_VALUE_WHEN reads */
  int sign;                    /* 1 largest value, passage upward; -1 smallest value, passage downward */
  int either, nth;             /* passages of both directions count; which of them, from 1 */
  double base;                 /* subtracted (or the level's zero), unless the protocol's window gives a reference time */
  double level;                /* to pass, or share of the way */
} nk_feature;

/* Where a feature's window lies in one protocol: segments, and ms from their starts; reference and onset are -1 where unused. */
typedef struct {
  int first, last, reference, onset;
  double start, end, reference_time, onset_time, length;
  double slack; /* rounding allowed at the level */
} nk_window;

typedef struct {
  int n_segments, n_times;
  const double *edges, *lengths;                  /* n_segments + 1 and n_segments, ms */
  const double *level, *slope, *amplitude, *rate; /* n_segments x n_inputs; time counts from the segment's start */
  const double *times;                            /* output times from the start of their segment */
  const int *time_segment;                        /* and that segment, ascending */
  const nk_window *windows;                       /* n_features of the batch */
} nk_protocol;

/* Markov schemes whose channels are drawn; states and transitions of all schemes in one row. See gating.h. */
typedef struct {
  int n_schemes, n_states, n_transitions, n_drives;
  const int *first_state;                 /* n_schemes + 1: where each scheme's states begin */
  const int *from, *to, *rate;            /* n_transitions: two states, and the output that is the rate of one channel */
  const int *driven;                      /* n_drives: inputs that are set to a sum over the channels */
  const double *weight;                   /* n_drives x n_states: what a channel in each state adds to it */
  const int *start_first, *start_output;  /* outputs whose product weighs each state at the start; none for all of a scheme's states: stationary */
  double tick, calm_tick;                 /* ms: longest time between two looks at the rates, while inputs move and while none does */
  const long long *numbers;               /* n_jobs x n_schemes: channels */
  const uint64_t *keys;                   /* n_jobs x 2: of the random numbers of each run */
} nk_channels;

typedef struct {
  int model, method, n_jobs;
  const double *y0, *parameters; /* n_jobs x n_states, n_jobs x n_parameters */
  const int *protocol_of;        /* n_jobs */
  const nk_protocol *protocols;
  int n_records;
  const int *record_kind, *record_index; /* 0 state, 1 output, 2 input */
  int n_features, n_watched;
  const nk_feature *features;
  const int *watched_kind, *watched_index; /* quantities that the features look at */
  double rtol;
  const double *atol, *lower, *upper, *diverged; /* n_states */
  long long max_steps;
  double max_step_rate; /* attempted steps per ms of simulated time; 0 is no limit */
  double max_seconds;  /* wall time a run; 0 is no limit */
  const long long *spent_steps; /* n_jobs: steps and seconds that earlier attempts of each run used up */
  const double *spent_seconds;
  double fixed_step;   /* ms; 0 is adaptive */
  double first_step;   /* first step of a segment over the one the engine would choose */
  double max_growth;   /* a step is at most this many times the one before it */
  const nk_channels *channels; /* NULL: nothing is drawn */
  int *next_job;       /* shared by the threads of a batch: the first job nobody has taken */
  long long *finished; /* shared: jobs that ended */
  int *cancel;         /* shared: set from outside to stop */
} nk_batch;

typedef struct {
  double *records;     /* n_jobs x n_records x n_times of the longest protocol */
  int n_times_max;
  double *features;    /* n_jobs x n_features; only runs that end well write theirs */
  double *y_end;       /* n_jobs x n_states */
  double *t_end;       /* ms from the start of the protocol */
  int *status, *worst; /* n_jobs */
  long long *counters; /* n_jobs x NK_COUNTERS */
  long long *events;   /* n_jobs x 2, with drawn channels: transitions, and steps granted for them on top of the budget */
  double *seconds;     /* n_jobs: wall time with that of earlier attempts, measured only when it is limited */
} nk_results;

typedef struct {
  const char *name;
  int lanes, n_models, n_methods;
  const nk_model_info *(*model)(int index);
  const nk_method *(*method)(int index);
  int (*integrate)(const nk_batch *batch, nk_results *results);
  int (*evaluate)(int model, int cells, const double *y, const double *u, const double *p, double *f, double *jac, double *out);
  int (*time_derivative)(int model, const double *y, const double *u, const double *rate, const double *p, double *ft);
  int (*repeat)(int model, int what, long long times, const double *y, const double *u, const double *p, double h);
  void (*elementary)(int function, long long n, const double *x, const double *exponent, double *y); /* see engine.h for the functions' numbers */
  void (*random)(const uint64_t *key, uint64_t index, uint64_t purpose, uint64_t *words); /* four words of the stream of drawn channels */
} nk_engine;

extern const nk_engine nk_engine_portable;
#if defined(__x86_64__) && defined(__GNUC__)
#define NK_X86_ENGINES 1
extern const nk_engine nk_engine_avx2, nk_engine_avx512;
#endif

/* The engines this build holds, slowest first, and whether this processor runs each. */
static inline const nk_engine *nk_engine_at(int index) {
  switch (index) {
    case 0: return &nk_engine_portable;
#ifdef NK_X86_ENGINES
    case 1: return &nk_engine_avx2;
    case 2: return &nk_engine_avx512;
#endif
    default: return 0;
  }
}

static inline int nk_engine_runs(int index) {
#ifdef NK_X86_ENGINES
  __builtin_cpu_init();
  if (index == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (index == 2) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return index == 0;
}

#endif
