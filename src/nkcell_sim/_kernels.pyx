# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled engine: arrays in, arrays and status codes out. Names, units and files stay outside.

The step loop is in ``_kernel/integrate.h`` and runs without the interpreter lock; the cells are the generated headers.
"""

import numpy as np

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "engine_api.h":
    enum: NK_COUNTERS
    enum: NK_NOT_RUN
    ctypedef struct nk_model_info:
        const char *name
        const char *hash
        int n_states, n_parameters, n_inputs, n_fixed, n_jacobian, n_factors, n_outputs
        const int *rows
        const int *columns
    ctypedef struct nk_method:
        const char *name
        int stages, dense, order, dense_order, first_carry, carry_result
        double gamma
        double a[8][8]
        double C[8][8]
        double c[8]
        double d[8]
        double m[8]
        double e[8]
        double h[3][8]
    int nk_evaluations(const nk_method *method) noexcept nogil
    ctypedef struct nk_feature:
        int kind
    ctypedef struct nk_window:
        int first
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
        const nk_window *windows
    ctypedef struct nk_channels:
        int n_schemes, n_states, n_transitions, n_drives
        const int *first_state
        const int *from_ "from"
        const int *to
        const int *rate
        const int *driven
        const double *weight
        const int *start_first
        const int *start_output
        double tick, calm_tick
        const long long *numbers
        const uint64_t *keys
    ctypedef struct nk_batch:
        int model, method, n_jobs
        const double *y0
        const double *parameters
        const int *protocol_of
        const nk_protocol *protocols
        int n_records
        const int *record_kind
        const int *record_index
        int n_features, n_watched
        const nk_feature *features
        const int *watched_kind
        const int *watched_index
        double rtol
        const double *atol
        const double *lower
        const double *upper
        const double *diverged
        long long max_steps
        double max_step_rate
        double max_seconds
        const long long *spent_steps
        const double *spent_seconds
        double fixed_step
        double first_step
        double max_growth
        const nk_channels *channels
        int *next_job
        long long *finished
        int *cancel
    ctypedef struct nk_results:
        double *records
        int n_times_max
        double *features
        double *y_end
        double *t_end
        int *status
        int *worst
        long long *counters
        long long *events
        double *seconds
    ctypedef struct nk_engine:
        const char *name
        int lanes, n_models, n_methods
        const nk_model_info *(*model)(int index) noexcept nogil
        const nk_method *(*method)(int index) noexcept nogil
        int (*integrate)(const nk_batch *batch, nk_results *results) noexcept nogil
        int (*evaluate)(int model, int cells, const double *y, const double *u, const double *p, double *f, double *jac, double *out) noexcept nogil
        int (*time_derivative)(int model, const double *y, const double *u, const double *rate, const double *p, double *ft) noexcept nogil
        int (*repeat)(int model, int what, long long times, const double *y, const double *u, const double *p, double h) noexcept nogil
        void (*elementary)(int function, long long n, const double *x, const double *exponent, double *y) noexcept nogil
        void (*random)(const uint64_t *key, uint64_t index, uint64_t purpose, uint64_t *words) noexcept nogil
    const nk_engine *nk_engine_at(int index) noexcept nogil
    int nk_engine_runs(int index) noexcept nogil

STATUS = ("ok", "step_limit", "time_limit", "non_finite_rhs", "step_underflow", "out_of_range", "diverged", "cancelled", "not_run", "step_rate_limit")
# Layouts of one feature and of its window in one protocol, and the order of the kinds: see engine_api.h.
FEATURE = np.dtype([(name, "i4") for name in ("kind", "quantity", "trigger", "sign", "either", "nth")] + [(name, "f8") for name in ("base", "level")])
WINDOW = np.dtype([(name, "i4") for name in ("first", "last", "reference", "onset")]
                  + [(name, "f8") for name in ("start", "end", "reference_time", "onset_time", "length", "slack")])
FEATURE_KINDS = ("peak", "peak_time", "area", "mean", "value", "crossing", "half_time", "decay", "value_when")
COUNTERS = ("steps", "rejected", "rhs", "jacobians")


cdef const nk_engine *_engine(object name) except NULL:
    """The engine of that name, or the fastest that this processor runs when the name is empty."""
    cdef int i, best = 0
    for i in range(8):
        if nk_engine_at(i) == NULL:
            break
        if not nk_engine_runs(i):
            continue
        if name and nk_engine_at(i).name.decode() == name:
            return nk_engine_at(i)
        best = i
    if name:
        known = ", ".join(e["name"] for e in engines() if e["runs"])
        raise LookupError(f"no engine named {name!r} runs here; this machine has {known}")
    return nk_engine_at(best)


cdef int _find(const nk_engine *engine, str name) except -1:
    cdef bytes wanted = name.encode()
    cdef int i
    for i in range(engine.n_models):
        if engine.model(i).name == wanted:
            return i
    raise LookupError(f"no compiled cell named {name!r}")


def methods():
    """Names of the Rosenbrock methods that the engine offers, the default first."""
    cdef const nk_engine *engine = _engine("")
    return [engine.method(i).name.decode() for i in range(engine.n_methods)]


def tableau(str name):
    """Coefficients of a method as the engine holds them (``_kernel/method.h`` says what they mean), sums written out where it carries them."""
    cdef const nk_engine *engine = _engine("")
    cdef const nk_method *method = engine.method(methods().index(name))
    cdef int s = method.stages, i, j
    a, C, h = np.zeros((s, s)), np.zeros((s, s)), np.zeros((method.dense, s))
    c, d, m, e = np.zeros(s), np.zeros(s), np.zeros(s), np.zeros(s)
    for i in range(s):
        c[i], d[i], m[i], e[i] = method.c[i], method.d[i], method.m[i], method.e[i]
        for j in range(s):
            a[i, j], C[i, j] = method.a[i][j], method.C[i][j]
        for j in range(method.dense):
            h[j, i] = method.h[j][i]
        if i >= method.first_carry:
            a[i] = a[i - 1]
            a[i, i - 1] = 1.0
    if method.carry_result:
        m = a[s - 1].copy()
        m[s - 1] = 1.0
    if not e.any():
        e[s - 1] = 1.0
    claims = {"order": method.order, "dense_order": method.dense_order, "evaluations": nk_evaluations(method)}
    return {**claims, "gamma": method.gamma, "a": a, "C": C, "c": c, "d": d, "m": m, "e": e, "h": h}


def engines():
    """Engines of this build, slowest first: name, lanes, and whether this processor runs it."""
    cdef int i
    found = []
    for i in range(8):
        if nk_engine_at(i) == NULL:
            break
        found.append({"name": nk_engine_at(i).name.decode(), "lanes": nk_engine_at(i).lanes, "runs": bool(nk_engine_runs(i))})
    return found


def models():
    """Compiled cells: name -> dict with the model hash and sizes."""
    cdef const nk_engine *engine = _engine("")
    cdef const nk_model_info *m
    found = {}
    for i in range(engine.n_models):
        m = engine.model(i)
        found[m.name.decode()] = {
            "hash": m.hash.decode(), "states": m.n_states, "parameters": m.n_parameters, "inputs": m.n_inputs,
            "hoisted": m.n_fixed - m.n_parameters, "jacobian_nonzeros": m.n_jacobian, "factor_nonzeros": m.n_factors, "outputs": m.n_outputs,
        }
    return found


ELEMENTARY = ("exp", "log", "exprelr", "expm1", "power")


def elementary(str name, x, exponent=1.0, engine=""):
    """exp, log, expm1, u/(e^u - 1) or power (with ``exponent``) of the kernel, elementwise on an array."""
    values = np.asarray(x, dtype=np.float64).ravel()
    result = np.empty_like(values)
    cdef const double[::1] a = values
    cdef const double[::1] n = np.ascontiguousarray(np.broadcast_to(np.asarray(exponent, dtype=np.float64), np.shape(x))).ravel()
    cdef double[::1] r = result
    if a.shape[0]:
        _engine(engine).elementary(ELEMENTARY.index(name), a.shape[0], &a[0], &n[0], &r[0])
    return result.reshape(np.shape(x))


def random_words(key, index, purpose, engine=""):
    """Four 64-bit words (4,) of the stream of drawn channels: Philox4x64-10 of a ``key`` of two words at the counter (index, purpose, 0, 0)."""
    cdef uint64_t[2] words = [key[0], key[1]]
    cdef uint64_t[4] found
    _engine(engine).random(words, index, purpose, found)
    return np.array([found[i] for i in range(4)], dtype=np.uint64)


def evaluate(str name, y, u, parameters, engine=""):
    """Right-hand side (n_cells, n_states), dense Jacobian (n_cells, n_states, n_states) and outputs (n_cells, n_outputs)."""
    cdef const nk_engine *used = _engine(engine)
    cdef int model = _find(used, name)
    cdef const nk_model_info *m = used.model(model)
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
        if used.evaluate(model, cells, &states[0, 0], &inputs[0, 0] if m.n_inputs else NULL, &values[0, 0], &f_view[0, 0], &entries_view[0, 0], &out_view[0, 0]):
            raise MemoryError("the engine could not allocate its work arrays")
    jacobian = np.zeros((cells, m.n_states, m.n_states))
    rows = [m.rows[i] for i in range(m.n_jacobian)]
    columns = [m.columns[i] for i in range(m.n_jacobian)]
    jacobian[:, rows, columns] = entries
    return f, jacobian, out[:, : m.n_outputs]


def pattern(str name):
    """(row, column) of every stored Jacobian entry (the diagonal is always stored)."""
    cdef const nk_engine *used = _engine("")
    cdef int model = _find(used, name)
    cdef const nk_model_info *m = used.model(model)
    return [(m.rows[i], m.columns[i]) for i in range(m.n_jacobian)]


def time_derivative(str name, y, u, rate, parameters, engine=""):
    """d f/d t (n_states,) of one cell when its inputs change at ``rate`` per ms."""
    cdef const nk_engine *used = _engine(engine)
    cdef int model = _find(used, name)
    cdef const nk_model_info *m = used.model(model)
    cdef const double[::1] states = np.ascontiguousarray(y, dtype=np.float64)
    cdef const double[::1] inputs = np.ascontiguousarray(u, dtype=np.float64)
    cdef const double[::1] rates = np.ascontiguousarray(rate, dtype=np.float64)
    cdef const double[::1] values = np.ascontiguousarray(parameters, dtype=np.float64)
    _check_sizes(m, states.shape[0], inputs.shape[0], values.shape[0])
    _check(rates.shape[0] == m.n_inputs, "rate", m.n_inputs, rates.shape[0])
    result = np.empty(m.n_states)
    cdef double[::1] view = result
    if used.time_derivative(model, &states[0], &inputs[0], &rates[0], &values[0], &view[0]):
        raise MemoryError("the engine could not allocate its work arrays")
    return result


def repeat(str name, str what, long long times, y, u, parameters, double h=1.0, engine=""):
    """Run one part ``times`` times on a full block (for benchmarks): ``rhs``, ``jacobian`` (with its LU) or ``solve``."""
    cdef const nk_engine *used = _engine(engine)
    cdef int model = _find(used, name)
    cdef const nk_model_info *m = used.model(model)
    cdef const double[::1] states = np.ascontiguousarray(y, dtype=np.float64)
    cdef const double[::1] inputs = np.ascontiguousarray(u, dtype=np.float64)
    cdef const double[::1] values = np.ascontiguousarray(parameters, dtype=np.float64)
    _check_sizes(m, states.shape[0], inputs.shape[0], values.shape[0])
    cdef int part = ("rhs", "jacobian", "solve").index(what)
    with nogil:
        used.repeat(model, part, times, &states[0], &inputs[0], &values[0], h)


cdef int _check_sizes(const nk_model_info *m, Py_ssize_t states, Py_ssize_t inputs, Py_ssize_t parameters) except -1:
    _check(states == m.n_states, "y", m.n_states, states)
    _check(inputs == m.n_inputs, "u", m.n_inputs, inputs)
    _check(parameters == m.n_parameters, "parameters", m.n_parameters, parameters)
    return 0


cdef int _check(bint good, str what, expected, got) except -1:
    if not good:
        raise ValueError(f"{what}: expected {expected}, got {got}")
    return 0


cdef class _Protocols:
    """C structs of compiled protocols; keeps the arrays they point into alive."""

    cdef nk_protocol *items
    cdef int count
    cdef list keep

    def __cinit__(self, list protocols):
        self.keep, self.count = [], <int>len(protocols)
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


cdef class Batch:
    """A batch of runs whose arrays several threads fill; every thread that calls ``work`` takes jobs until none is left.

    protocols is a list of (CompiledProtocol, times from segment start [ms], segment of each time); ``windows`` has for each of them an array
    of WINDOW, one for every element of ``features`` (an array of FEATURE); those count in ``watched_kind`` and ``watched_index``.
    """

    cdef nk_batch batch
    cdef nk_channels channels
    cdef nk_results results
    cdef const nk_engine *engine
    cdef _Protocols table
    cdef list keep
    cdef int next_job
    cdef int cancelled
    cdef long long finished_jobs
    cdef readonly object records, features, y_end, t_end, status, worst, counters, seconds, events

    def __cinit__(self, str name, y0, parameters, protocol_of, list protocols, record_kind, record_index, *, double rtol, atol, lower, upper, diverged,
                  long long max_steps, double max_step_rate=0.0, double max_seconds=0.0, double fixed_step=0.0, double first_step=1.0, double max_growth=6.0,
                  spent_steps=None, spent_seconds=None, features=(), windows=(), watched_kind=(), watched_index=(), channels=None, engine="", str method=""):
        self.engine = _engine(engine)
        self.batch.model = _find(self.engine, name)
        known = methods()
        _check(not method or method in known, "method", f"one of {', '.join(known)}", method)
        self.batch.method = known.index(method) if method else 0
        cdef const nk_model_info *m = self.engine.model(self.batch.model)
        self.keep = []
        start = self._matrix("y0", y0, m.n_states)
        values = self._matrix("parameters", parameters, m.n_parameters)
        jobs, longest = len(start), max([len(t) for _, t, _ in protocols] + [1])
        self.records = np.full((jobs, len(record_kind), longest), np.nan)
        self.y_end, self.t_end = np.array(start), np.zeros(jobs)
        self.status, self.worst = np.full(jobs, NK_NOT_RUN, dtype=np.intc), np.full(jobs, -1, dtype=np.intc)
        self.counters, self.seconds = np.zeros((jobs, NK_COUNTERS), dtype=np.int64), np.zeros(jobs)
        spent = np.ascontiguousarray(np.zeros(jobs) if spent_steps is None else spent_steps, dtype=np.int64)
        waited = np.ascontiguousarray(np.zeros(jobs) if spent_seconds is None else spent_seconds, dtype=np.float64)
        for name_, values_, length in (("protocol_of", protocol_of, jobs), ("atol", atol, m.n_states), ("lower", lower, m.n_states),
                                       ("upper", upper, m.n_states), ("diverged", diverged, m.n_states), ("record_index", record_index, len(record_kind)),
                                       ("spent_steps", spent, jobs), ("spent_seconds", waited, jobs)):
            _check(len(values_) == length, name_, length, len(values_))
        protocol_of = np.asarray(protocol_of)
        _check(not jobs or 0 <= protocol_of.min() <= protocol_of.max() < len(protocols), "protocol_of", f"indices below {len(protocols)}", protocol_of[:5])
        widths = (m.n_states, m.n_outputs, m.n_inputs)
        _check(all(0 <= k < 3 and 0 <= i < widths[k] for k, i in zip(record_kind, record_index)), "record", "known quantities", list(record_index)[:5])
        self.table = _Protocols(protocols)
        b, r = &self.batch, &self.results
        b.n_jobs = <int>jobs
        b.y0, b.parameters = self._doubles(start), self._doubles(values)
        b.protocol_of, b.protocols = self._ints(protocol_of), self.table.items
        b.n_records = <int>len(record_kind)
        b.record_kind, b.record_index = self._ints(record_kind), self._ints(record_index)
        b.rtol, b.atol, b.lower, b.upper, b.diverged = rtol, self._doubles(atol), self._doubles(lower), self._doubles(upper), self._doubles(diverged)
        b.max_steps, b.max_step_rate, b.max_seconds = max_steps, max_step_rate, max_seconds
        self.keep.append(spent)
        b.spent_steps, b.spent_seconds = <const long long *><size_t>spent.ctypes.data, self._doubles(waited)
        b.fixed_step, b.first_step, b.max_growth = fixed_step, first_step, max_growth
        b.next_job, b.finished, b.cancel = &self.next_job, &self.finished_jobs, &self.cancelled
        r.records, r.n_times_max = self._doubles(self.records), <int>longest
        self._watch(features, windows, watched_kind, watched_index, widths)
        self._gate(channels, m)
        r.y_end, r.t_end = self._doubles(self.y_end), self._doubles(self.t_end)
        r.status, r.worst = self._ints(self.status), self._ints(self.worst)
        r.counters, r.seconds = <long long *><size_t>self.counters.ctypes.data, self._doubles(self.seconds)

    cdef _watch(self, features, windows, watched_kind, watched_index, widths):
        cdef int count = <int>len(features), watched = <int>len(watched_kind), protocols = len(windows)
        self.features = np.full((self.batch.n_jobs, count), np.nan)
        if not count:
            return
        wanted = np.ascontiguousarray(features, dtype=FEATURE)
        _check(FEATURE.itemsize == sizeof(nk_feature) and WINDOW.itemsize == sizeof(nk_window), "features", "the layout of engine_api.h", FEATURE.itemsize)
        _check(protocols == self.table.count, "windows", self.table.count, protocols)
        _check(len(watched_index) == watched, "watched_index", watched, len(watched_index))
        _check(all(0 <= k < 3 and 0 <= i < widths[k] for k, i in zip(watched_kind, watched_index)), "watched", "known quantities", list(watched_index)[:5])
        for field, limit in (("kind", len(FEATURE_KINDS)), ("quantity", watched), ("trigger", watched)):
            _check(0 <= wanted[field].min() <= wanted[field].max() < limit, f"features.{field}", f"numbers below {limit}", wanted[field])
        for i, rows in enumerate(windows):
            array = np.ascontiguousarray(rows, dtype=WINDOW)
            _check(len(array) == count, "windows", count, len(array))
            self.keep.append(array)
            self.table.items[i].windows = <const nk_window *><size_t>array.ctypes.data
        self.keep.append(wanted)
        self.batch.n_features, self.batch.n_watched = count, watched
        self.batch.features = <const nk_feature *><size_t>wanted.ctypes.data
        self.batch.watched_kind, self.batch.watched_index = self._ints(watched_kind), self._ints(watched_index)
        self.results.features = self._doubles(self.features)

    cdef _gate(self, channels, const nk_model_info *m):
        """Channels that are drawn: an object with the arrays of ``nk_channels`` in engine_api.h as attributes, or None."""
        cdef nk_channels *c = &self.channels
        self.events = np.zeros((self.batch.n_jobs, 2), dtype=np.int64)
        self.results.events = <long long *><size_t>self.events.ctypes.data
        if channels is None:
            return
        schemes, states, drives = len(channels.first_state) - 1, channels.first_state[len(channels.first_state) - 1], len(channels.driven)
        _check(np.shape(channels.weight) == (drives, states), "weight", (drives, states), np.shape(channels.weight))
        _check(len(channels.start_first) == states + 1, "start_first", states + 1, len(channels.start_first))
        for name, values, limit in (("from", channels.source, states), ("to", channels.target, states), ("rate", channels.rate, m.n_outputs),
                                    ("start", channels.start_output, m.n_outputs), ("driven", channels.driven, m.n_inputs)):
            _check(all(0 <= v < limit for v in values), name, f"numbers below {limit}", list(values)[:5])
        _check(len(channels.source) == len(channels.target) == len(channels.rate), "rate", len(channels.source), len(channels.rate))
        numbers, keys = np.ascontiguousarray(channels.numbers, dtype=np.int64), np.ascontiguousarray(channels.keys, dtype=np.uint64)
        _check(numbers.shape == (self.batch.n_jobs, schemes) and (numbers >= 0).all(), "numbers", (self.batch.n_jobs, schemes), numbers.shape)
        _check(keys.shape == (self.batch.n_jobs, 2), "keys", (self.batch.n_jobs, 2), keys.shape)
        _check(channels.tick > 0.0 and channels.calm_tick > 0.0, "tick", "above 0", (channels.tick, channels.calm_tick))
        self.keep += [numbers, keys]
        c.n_schemes, c.n_states, c.n_transitions, c.n_drives = <int>schemes, <int>states, <int>len(channels.rate), <int>drives
        c.first_state, c.from_, c.to = self._ints(channels.first_state), self._ints(channels.source), self._ints(channels.target)
        c.rate, c.driven, c.weight = self._ints(channels.rate), self._ints(channels.driven), self._doubles(channels.weight)
        c.start_first, c.start_output = self._ints(channels.start_first), self._ints(channels.start_output)
        c.numbers, c.keys = <const long long *><size_t>numbers.ctypes.data, <const uint64_t *><size_t>keys.ctypes.data
        c.tick, c.calm_tick = channels.tick, channels.calm_tick
        self.batch.channels = c

    def _matrix(self, str what, values, int columns):
        matrix = np.ascontiguousarray(values, dtype=np.float64)
        _check(matrix.ndim == 2 and matrix.shape[1] == columns, what, columns, matrix.shape)
        return matrix

    cdef double *_doubles(self, values):
        array = np.ascontiguousarray(values, dtype=np.float64)
        self.keep.append(array)
        return <double *><size_t>array.ctypes.data

    cdef int *_ints(self, values):
        array = np.ascontiguousarray(values, dtype=np.intc)
        self.keep.append(array)
        return <int *><size_t>array.ctypes.data

    def work(self):
        """Integrate jobs until none is left or the batch is cancelled; runs without the interpreter lock."""
        cdef int failed = 0
        if self.batch.n_jobs:
            with nogil:
                failed = self.engine.integrate(&self.batch, &self.results)
        if failed:
            raise MemoryError("the engine could not allocate its work arrays")

    def cancel(self):
        """Ask all threads to stop after their present step; finished runs are kept."""
        self.cancelled = 1

    @property
    def finished(self):
        """Number of runs that ended so far."""
        return self.finished_jobs
