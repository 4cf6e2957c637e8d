/* The equations of one cell as a Python module and as C functions, for integrators that call back for every right-hand side.
 *
 * It wraps the header that the engine itself is built from: parameter-only work is done once a run, common terms once an evaluation.
 * Callables take positional arguments without any conversion (METH_FASTCALL), the cheapest call there is from an extension module. */
#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>

#include "one_lane.h"
#include "model.h"
#include RACE_HEADER

enum { SIZE = 4096 };
static const nk_model *const model = &RACE_MODEL;
static const nk_equations *const equations = &RACE_MODEL.equations[1]; /* declared exponents as constants; none is drawn */
static double fixed[SIZE], inputs[SIZE], scale[SIZE], f[SIZE], entries[SIZE];
static int order[SIZE]; /* places of the Jacobian's entries in compressed-column order */

/* Begin a run: what its parameters and the inputs of its only segment decide. */
static void race_begin(const double *parameters, const double *values) {
  model->hoist(parameters, fixed);
  memcpy(inputs, values, sizeof(double) * model->n_inputs);
  equations->settle(inputs, fixed);
}

/* For integrators with one absolute tolerance for all states: the states in units of their scales. */
static void race_scaled(double t, double *x, double *dx, double *unused) {
  double y[SIZE];
  for (int i = 0; i < model->n_states; i++) y[i] = x[i] * scale[i];
  equations->rhs(y, inputs, fixed, f);
  for (int i = 0; i < model->n_states; i++) dx[i] = f[i] / scale[i];
}

static double *data(PyObject *array) { return (double *)PyArray_DATA((PyArrayObject *)array); }

static PyObject *begin(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  race_begin(data(a[0]), data(a[1]));
  Py_RETURN_NONE;
}

static PyObject *set_scale(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  memcpy(scale, data(a[0]), sizeof(double) * model->n_states);
  Py_RETURN_NONE;
}

static PyObject *rhs(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  npy_intp size = model->n_states;
  PyObject *result = PyArray_SimpleNew(1, &size, NPY_DOUBLE);
  if (result) equations->rhs(data(a[1]), inputs, fixed, data(result));
  return result;
}

static PyObject *rhs_into(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  equations->rhs(data(a[1]), inputs, fixed, data(a[2]));
  Py_RETURN_NONE;
}

static void fill_dense(const double *y, double *matrix) {
  const int states = model->n_states;
  equations->rhs_jac(y, inputs, fixed, f, entries);
  for (int k = 0; k < model->n_jacobian; k++) matrix[model->info.rows[k] * states + model->info.columns[k]] = entries[k];
}

static PyObject *jacobian(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  npy_intp shape[2] = {model->n_states, model->n_states};
  PyObject *result = PyArray_ZEROS(2, shape, NPY_DOUBLE, 0);
  if (result) fill_dense(data(a[1]), data(result));
  return result;
}

static PyObject *jacobian_into(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  fill_dense(data(a[1]), data(a[3])); /* entries outside the pattern stay 0 */
  Py_RETURN_NONE;
}

static PyObject *columns_into(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  double *target = data(a[3]);
  equations->rhs_jac(data(a[1]), inputs, fixed, f, entries);
  for (int k = 0; k < model->n_jacobian; k++) target[k] = entries[order[k]];
  Py_RETURN_NONE;
}

/* Where C callers find race_begin and race_scaled. */
static PyObject *addresses(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  return Py_BuildValue("nn", (Py_ssize_t)race_begin, (Py_ssize_t)race_scaled);
}

static PyObject *pattern(PyObject *self, PyObject *const *a, Py_ssize_t n) {
  npy_intp shape[2] = {model->n_states, model->n_states};
  PyObject *result = PyArray_ZEROS(2, shape, NPY_DOUBLE, 0);
  for (int k = 0; result && k < model->n_jacobian; k++) data(result)[model->info.rows[k] * shape[0] + model->info.columns[k]] = 1.0;
  return result;
}

static void sort_columns(void) {
  int filled = 0;
  for (int column = 0; column < model->n_states; column++)
    for (int row = 0; row < model->n_states; row++)
      for (int k = 0; k < model->n_jacobian; k++)
        if (model->info.rows[k] == row && model->info.columns[k] == column) order[filled++] = k;
}

#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL
static PyMethodDef methods[] = {
  {"begin", FAST(begin), "begin(parameters, inputs, /)\n--\n\nBegin a run."},
  {"set_scale", FAST(set_scale), "set_scale(scale, /)\n--\n\nScales of the states."},
  {"rhs", FAST(rhs), "rhs(t, y, /)\n--\n\nRight-hand side."},
  {"rhs_into", FAST(rhs_into), "rhs_into(t, y, yp, /)\n--\n\nRight-hand side into yp."},
  {"jacobian", FAST(jacobian), "jacobian(t, y, /)\n--\n\nDense Jacobian."},
  {"jacobian_into", FAST(jacobian_into), "jacobian_into(t, y, yp, jac, /)\n--\n\nDense Jacobian into jac, zero at first."},
  {"columns_into", FAST(columns_into), "columns_into(t, y, yp, jac, /)\n--\n\nEntries of the Jacobian by columns."},
  {"addresses", FAST(addresses), "addresses()\n--\n\nOf race_begin and race_scaled."},
  {"pattern", FAST(pattern), "pattern()\n--\n\n1 where the Jacobian has an entry."},
  {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "equations", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_equations(void) {
  import_array();
  sort_columns();
  return PyModule_Create(&definition);
}
