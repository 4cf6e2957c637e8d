# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled engine: arrays in, arrays and status codes out. Names, units and files stay outside.

The step loop is in ``_kernel/integrate.h`` and runs without the interpreter lock; the cells are the generated headers.
"""

import numpy as np

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "lanes.h":
    enum: NK_LANES
    ctypedef struct vd:
        pass
    double nk_exp_1(double x) nogil
    double nk_log_1(double x) nogil
    double nk_exprelr_1(double x) nogil

cdef extern from "model.h":
    ctypedef struct nk_model:
        const char *name
        const char *hash
        int n_states, n_parameters, n_inputs, n_fixed, n_jacobian, n_factors, n_outputs
        const int *rows
        const int *columns

cdef extern from "integrate.h":
    enum: NK_COUNTERS
    enum: NK_NOT_RUN
    ctypedef struct nk_protocol:
        int n_segments, n_times
        const double *edges
        const double *lengths
        const double *level
        const double *slope
        const double *amplitude
        const double *rate
        const double *times
        const int *time_segment
    ctypedef struct nk_batch:
        const nk_model *model
        int n_jobs
        const double *y0
        const double *parameters
        const int *protocol_of
        const nk_protocol *protocols
        int n_records
        const int *record_kind
        const int *record_index
        double rtol
        const double *atol
        const double *lower
        const double *upper
        const double *diverged
        long long max_steps
        double max_seconds
        double fixed_step
        int *cancel
        long long *finished
    ctypedef struct nk_results:
        double *records
        int n_times_max
        double *y_end
        double *t_end
        int *status
        int *worst
        long long *counters
    int nk_integrate(const nk_batch *batch, nk_results *results) nogil

cdef extern from "_generated/cells.h":
    const nk_model *const nk_models[]
    enum: nk_model_count

cdef extern from "evaluate.h":
    int nk_evaluate(const nk_model *m, int cells, const double *y, const double *u, const double *p, double *f, double *jac, double *out) nogil
    int nk_time_derivative(const nk_model *m, const double *y, const double *u, const double *rate, const double *p, double *ft) nogil
    int nk_repeat(const nk_model *m, int what, long long times, const double *y, const double *u, const double *p, double h) nogil

LANES = NK_LANES
STATUS = ("ok", "step_limit", "time_limit", "non_finite_rhs", "step_underflow", "out_of_range", "diverged", "cancelled", "not_run")
COUNTERS = ("steps", "rejected", "rhs", "jacobians")


cdef const nk_model *_find(str name) except NULL:
    cdef bytes wanted = name.encode()
    cdef int i
    for i in range(nk_model_count):
        if nk_models[i].name == wanted:
            return nk_models[i]
    raise LookupError(f"no compiled cell named {name!r}")


def models():
    """Compiled cells: name -> dict with the model hash and sizes."""
    cdef int i
    found = {}
    for i in range(nk_model_count):
        m = nk_models[i]
        found[m.name.decode()] = {
            "hash": m.hash.decode(), "states": m.n_states, "parameters": m.n_parameters, "inputs": m.n_inputs,
            "hoisted": m.n_fixed - m.n_parameters, "jacobian_nonzeros": m.n_jacobian, "factor_nonzeros": m.n_factors, "outputs": m.n_outputs,
        }
    return found


def elementary(str name, x):
    """exp, log or exprelr of the kernel, elementwise on an array."""
    values = np.asarray(x, dtype=np.float64).ravel()
    result = np.empty_like(values)
    cdef const double[::1] a = values
    cdef double[::1] r = result
    cdef Py_ssize_t i
    if name == "exp":
        for i in range(a.shape[0]):
            r[i] = nk_exp_1(a[i])
    elif name == "log":
        for i in range(a.shape[0]):
            r[i] = nk_log_1(a[i])
    elif name == "exprelr":
        for i in range(a.shape[0]):
            r[i] = nk_exprelr_1(a[i])
    else:
        raise ValueError(f"no elementary function {name!r}")
    return result.reshape(np.shape(x))


def evaluate(str name, y, u, parameters):
    """Right-hand side (n_cells, n_states), dense Jacobian (n_cells, n_states, n_states) and outputs (n_cells, n_outputs)."""
    cdef const nk_model *m = _find(name)
    cdef const double[:, ::1] states = np.ascontiguousarray(np.atleast_2d(y), dtype=np.float64)
    cdef int cells = <int>states.shape[0]
    cdef const double[:, ::1] inputs = np.ascontiguousarray(np.broadcast_to(u, (cells, m.n_inputs)), dtype=np.float64)
    cdef const double[:, ::1] values = np.ascontiguousarray(np.broadcast_to(parameters, (cells, m.n_parameters)), dtype=np.float64)
    _check(states.shape[1] == m.n_states, "y", m.n_states, states.shape[1])
    f = np.empty((cells, m.n_states))
    entries = np.empty((cells, m.n_jacobian))
    out = np.empty((cells, max(m.n_outputs, 1)))
    cdef double[:, ::1] f_view = f
    cdef double[:, ::1] entries_view = entries
    cdef double[:, ::1] out_view = out
    if cells:
        if nk_evaluate(m, cells, &states[0, 0], &inputs[0, 0] if m.n_inputs else NULL, &values[0, 0], &f_view[0, 0], &entries_view[0, 0], &out_view[0, 0]):
            raise MemoryError("the engine could not allocate its work arrays")
    jacobian = np.zeros((cells, m.n_states, m.n_states))
    rows = [m.rows[i] for i in range(m.n_jacobian)]
    columns = [m.columns[i] for i in range(m.n_jacobian)]
    jacobian[:, rows, columns] = entries
    return f, jacobian, out[:, : m.n_outputs]


def pattern(str name):
    """(row, column) of every stored Jacobian entry (the diagonal is always stored)."""
    cdef const nk_model *m = _find(name)
    return [(m.rows[i], m.columns[i]) for i in range(m.n_jacobian)]


def time_derivative(str name, y, u, rate, parameters):
    """d f/d t (n_states,) of one cell when its inputs change at ``rate`` per ms."""
    cdef const nk_model *m = _find(name)
    cdef const double[::1] states = np.ascontiguousarray(y, dtype=np.float64)
    cdef const double[::1] inputs = np.ascontiguousarray(u, dtype=np.float64)
    cdef const double[::1] rates = np.ascontiguousarray(rate, dtype=np.float64)
    cdef const double[::1] values = np.ascontiguousarray(parameters, dtype=np.float64)
    result = np.empty(m.n_states)
    cdef double[::1] view = result
    if nk_time_derivative(m, &states[0], &inputs[0], &rates[0], &values[0], &view[0]):
        raise MemoryError("the engine could not allocate its work arrays")
    return result


def repeat(str name, str what, long long times, y, u, parameters, double h=1.0):
    """Run one part ``times`` times on a full block (for benchmarks): ``rhs``, ``jacobian`` (with its LU) or ``solve``."""
    cdef const nk_model *m = _find(name)
    cdef const double[::1] states = np.ascontiguousarray(y, dtype=np.float64)
    cdef const double[::1] inputs = np.ascontiguousarray(u, dtype=np.float64)
    cdef const double[::1] values = np.ascontiguousarray(parameters, dtype=np.float64)
    cdef int part = ("rhs", "jacobian", "solve").index(what)
    with nogil:
        nk_repeat(m, part, times, &states[0], &inputs[0], &values[0], h)


cdef int _check(bint good, str what, expected, got) except -1:
    if not good:
        raise ValueError(f"{what}: expected {expected} columns, got {got}")
    return 0


cdef class _Protocols:
    """C structs of compiled protocols; keeps the arrays they point into alive."""

    cdef nk_protocol *items
    cdef list keep

    def __cinit__(self, list protocols):
        self.keep = []
        self.items = <nk_protocol *>calloc(max(len(protocols), 1), sizeof(nk_protocol))
        if self.items == NULL:
            raise MemoryError()
        for i, (compiled, times, segments) in enumerate(protocols):
            self.items[i].n_segments = <int>(len(compiled.edges) - 1)
            self.items[i].n_times = <int>len(times)
            self.items[i].edges = self._pointer(compiled.edges)
            self.items[i].lengths = self._pointer(compiled.lengths)
            self.items[i].level = self._pointer(compiled.level)
            self.items[i].slope = self._pointer(compiled.slope)
            self.items[i].amplitude = self._pointer(compiled.amplitude)
            self.items[i].rate = self._pointer(compiled.rate)
            self.items[i].times = self._pointer(times)
            self.items[i].time_segment = self._int_pointer(segments)

    cdef const double *_pointer(self, array):
        cdef const double[::1] view = np.ascontiguousarray(array, dtype=np.float64).ravel()
        self.keep.append(view)
        return &view[0] if view.shape[0] else NULL

    cdef const int *_int_pointer(self, array):
        cdef const int[::1] view = np.ascontiguousarray(array, dtype=np.intc).ravel()
        self.keep.append(view)
        return &view[0] if view.shape[0] else NULL

    def __dealloc__(self):
        free(self.items)


def integrate(str name, y0, parameters, protocol_of, list protocols, record_kind, record_index, *, double rtol, atol, lower, upper, diverged,
              long long max_steps, double max_seconds=0.0, double fixed_step=0.0, int[::1] cancel=None, long long[::1] finished=None):
    """Integrate a batch; protocols is a list of (CompiledProtocol, times from segment start [ms], segment of each time).

    Returns (records (n_jobs, n_records, n_times), y_end, t_end [ms], status, worst, counters).
    """
    cdef nk_batch batch
    cdef nk_results results
    batch.model = _find(name)
    cdef int n = batch.model.n_states
    cdef const double[:, ::1] start = np.ascontiguousarray(y0, dtype=np.float64)
    cdef const double[:, ::1] values = np.ascontiguousarray(parameters, dtype=np.float64)
    cdef const int[::1] assigned = np.ascontiguousarray(protocol_of, dtype=np.intc)
    cdef const int[::1] kinds = np.ascontiguousarray(record_kind, dtype=np.intc)
    cdef const int[::1] indices = np.ascontiguousarray(record_index, dtype=np.intc)
    cdef const double[::1] absolute = np.ascontiguousarray(atol, dtype=np.float64)
    cdef const double[::1] low = np.ascontiguousarray(lower, dtype=np.float64)
    cdef const double[::1] high = np.ascontiguousarray(upper, dtype=np.float64)
    cdef const double[::1] limit = np.ascontiguousarray(diverged, dtype=np.float64)
    cdef int jobs = <int>start.shape[0]
    _check(start.shape[1] == n, "y0", n, start.shape[1])
    _check(values.shape[1] == batch.model.n_parameters, "parameters", batch.model.n_parameters, values.shape[1])
    longest = max([len(t) for _, t, _ in protocols] + [1])
    records = np.full((jobs, len(record_kind), longest), np.nan)
    y_end, t_end = np.array(start), np.zeros(jobs)
    status, worst = np.full(jobs, NK_NOT_RUN, dtype=np.intc), np.full(jobs, -1, dtype=np.intc)
    counters = np.zeros((jobs, NK_COUNTERS), dtype=np.int64)
    if jobs == 0:
        return records, y_end, t_end, status, worst, counters
    cdef _Protocols table = _Protocols(protocols)
    cdef double[:, :, ::1] records_view = records
    cdef double[:, ::1] end_view = y_end
    cdef double[::1] t_view = t_end
    cdef int[::1] status_view = status
    cdef int[::1] worst_view = worst
    cdef long long[:, ::1] counters_view = counters
    batch.n_jobs = jobs
    batch.y0 = &start[0, 0]
    batch.parameters = &values[0, 0]
    batch.protocol_of = &assigned[0]
    batch.protocols = table.items
    batch.n_records = <int>kinds.shape[0]
    batch.record_kind = &kinds[0] if kinds.shape[0] else NULL
    batch.record_index = &indices[0] if kinds.shape[0] else NULL
    batch.rtol = rtol
    batch.atol = &absolute[0]
    batch.lower = &low[0]
    batch.upper = &high[0]
    batch.diverged = &limit[0]
    batch.max_steps = max_steps
    batch.max_seconds = max_seconds
    batch.fixed_step = fixed_step
    batch.cancel = &cancel[0] if cancel is not None else NULL
    batch.finished = &finished[0] if finished is not None else NULL
    results.records = &records_view[0, 0, 0] if kinds.shape[0] else NULL
    results.n_times_max = <int>longest
    results.y_end = &end_view[0, 0]
    results.t_end = &t_view[0]
    results.status = &status_view[0]
    results.worst = &worst_view[0]
    results.counters = &counters_view[0, 0]
    cdef int failed
    with nogil:
        failed = nk_integrate(&batch, &results)
    if failed:
        raise MemoryError("the engine could not allocate its work arrays")
    return records, y_end, t_end, status, worst, counters
