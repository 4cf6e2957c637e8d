/* Observables at need: a batch computes the parts of their equations that serve what it asks for, and reads only the states they depend on. */
#ifndef NK_OBSERVE_H
#define NK_OBSERVE_H

#include "work.h"

static void nk_mark(nk_marks *marks, nk_rows rows, int row) {
  for (int i = rows.start[row]; i < rows.start[row + 1]; i++) marks->flags[rows.list[i]] = 1;
}

/* Note that a quantity (0 state, 1 output, 2 input) is wanted. */
static void nk_want(const nk_model *m, nk_work *w, int kind, int index) {
  if (kind == 0) w->read.flags[index] = 1;
  if (kind == 2) w->driving.flags[index] = 1;
  if (kind != 1) return;
  nk_mark(&w->parts, m->parts, index);
  nk_mark(&w->read, m->reads, index);
  nk_mark(&w->driving, m->drives, index);
  nk_mark(&w->constants, m->constants, index);
}

static void nk_list(nk_marks *marks, int size) {
  marks->count = 0;
  for (int i = 0; i < size; i++)
    if (marks->flags[i]) marks->list[marks->count++] = (unsigned short)i;
}

/* List what is wanted; parts in the order in which they use each other. */
static void nk_list_wanted(const nk_model *m, nk_work *w) {
  nk_list(&w->parts, m->n_parts);
  nk_list(&w->read, m->n_states);
  nk_list(&w->driving, m->n_inputs);
  nk_list(&w->constants, m->n_fixed);
}

/* Everything that is recorded, and the outputs that features look at. */
static void nk_want_records(const nk_model *m, const nk_batch *b, nk_work *w) {
  for (int i = 0; i < b->n_records; i++) nk_want(m, w, b->record_kind[i], b->record_index[i]);
  for (int q = 0; q < b->n_watched; q++)
    if (b->watched_kind[q] == 1) nk_want(m, w, 1, b->watched_index[q]);
  nk_list_wanted(m, w);
}

/* The wanted outputs of every lane, at states y and inputs u. */
static inline void nk_observe(nk_work *w, const vd *y, const vd *u) {
  if (w->parts.count) w->equations->observe(y, u, w->fixed, w->outputs, w->carried, w->parts.list, w->parts.count);
}

#endif
