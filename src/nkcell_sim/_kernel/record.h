/* Dense output: values at the times asked for, read between two steps so that they never change a step. */
#ifndef NK_RECORD_H
#define NK_RECORD_H

#include "jobs.h"

static int nk_pending(const nk_batch *b, const nk_lanes *lanes, int l, double t_new) {
  const nk_protocol *p = &b->protocols[b->protocol_of[lanes->job[l]]];
  int i = lanes->next_time[l];
  return i < p->n_times && p->time_segment[i] == lanes->segment[l] && p->times[i] <= t_new;
}

static void nk_record(const nk_method *method, const nk_model *m, const nk_batch *b, nk_results *r, nk_lanes *lanes, nk_work *w, vd h, const vd *t_new, const int *accepted, int relaxing) {
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
      for (int d = 0; d < method->dense; d++)
        for (int i = 0; i < n; i++) {
          vd sum = nk_set(0.0);
          for (int s = 0; s < method->stages; s++) sum = nk_fma(nk_set(method->h[d][s]), w->k[s][i], sum);
          w->dense[d][i] = sum;
        }
      prepared = 1;
    }
    vd theta = (wanted - lanes->t) / h;
    vi at_end = wanted == *t_new;
    for (int i = 0; i < n; i++) {
      vd inner = w->dense[0][i] + theta * (w->dense[1][i] + theta * w->dense[2][i]);
      vd value = w->y[i] + theta * ((w->y_new[i] - w->y[i]) + (1.0 - theta) * inner);
      value = nk_select(at_end, w->y_new[i], value);
      /* both ends of the step are in range, the polynomial between them may miss a bound by a fraction of the tolerance */
      value = nk_select(value < nk_set(b->lower[i]), nk_set(b->lower[i]), value);
      w->stage[i] = nk_select(value > nk_set(b->upper[i]), nk_set(b->upper[i]), value);
    }
    nk_inputs(w, m->n_inputs, relaxing, wanted, w->u_stage, NULL);
    if (any_output) w->equations->observe(w->stage, w->u_stage, w->fixed, w->outputs);
    for (int i = 0; i < b->n_records; i++) {
      const vd *source = b->record_kind[i] == 0 ? w->stage : b->record_kind[i] == 1 ? w->outputs : w->u_stage;
      vd value = source[b->record_index[i]];
      for (int l = 0; l < NK_LANES; l++)
        if (waiting[l]) r->records[((size_t)lanes->job[l] * b->n_records + i) * r->n_times_max + lanes->next_time[l]] = value[l];
    }
    for (int l = 0; l < NK_LANES; l++) lanes->next_time[l] += waiting[l];
  }
}

#endif
