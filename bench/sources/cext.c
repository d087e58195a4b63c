/* What one writes by hand: METH_FASTCALL functions with range checks, and loops that call Python. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static int arity(Py_ssize_t got, Py_ssize_t wanted) {
    if (got == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "expected %zd arguments, got %zd", wanted, got);
    return 0;
}

static int as_i32(PyObject *object, int32_t *to) {
    long value = PyLong_AsLong(object);
    if (value == -1 && PyErr_Occurred()) return 0;
    if (value != (int32_t)value) {
        PyErr_SetString(PyExc_OverflowError, "argument out of range for i32");
        return 0;
    }
    *to = (int32_t)value;
    return 1;
}

static int as_i64(PyObject *object, int64_t *to) {
    *to = PyLong_AsLongLong(object);
    return !(*to == -1 && PyErr_Occurred());
}

static int as_f64(PyObject *object, double *to) {
    *to = PyFloat_AsDouble(object);
    return !(*to == -1.0 && PyErr_Occurred());
}

static PyObject *add_i32(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int32_t a, b;
    if (!arity(count, 2) || !as_i32(args[0], &a) || !as_i32(args[1], &b)) return NULL;
    return PyLong_FromLong((int32_t)((uint32_t)a + (uint32_t)b));
}

static PyObject *add_i64(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int64_t a, b;
    if (!arity(count, 2) || !as_i64(args[0], &a) || !as_i64(args[1], &b)) return NULL;
    return PyLong_FromLongLong((int64_t)((uint64_t)a + (uint64_t)b));
}

static PyObject *add_f64(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    double a, b;
    if (!arity(count, 2) || !as_f64(args[0], &a) || !as_f64(args[1], &b)) return NULL;
    return PyFloat_FromDouble(a + b);
}

static PyObject *six(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int32_t v[6];
    uint32_t sum = 0;
    if (!arity(count, 6)) return NULL;
    for (int i = 0; i < 6; i++) {
        if (!as_i32(args[i], &v[i])) return NULL;
        sum += (uint32_t)v[i];
    }
    return PyLong_FromLong((int32_t)sum);
}

static PyObject *two(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int32_t a, b;
    if (!arity(count, 2) || !as_i32(args[0], &a) || !as_i32(args[1], &b)) return NULL;
    PyObject *tuple = PyTuple_New(2), *first = PyLong_FromLong(b), *second = PyLong_FromLong(a);
    if (tuple == NULL || first == NULL || second == NULL) {
        Py_XDECREF(tuple);
        Py_XDECREF(first);
        Py_XDECREF(second);
        return NULL;
    }
    PyTuple_SetItem(tuple, 0, first);
    PyTuple_SetItem(tuple, 1, second);
    return tuple;
}

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030C0000
/* Steals both arguments. */
static PyObject *call(PyObject *function, PyObject *a, PyObject *b) {
    PyObject *args[3] = {NULL, a, b}, *result = NULL;
    if (a && b) result = PyObject_Vectorcall(function, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *loop_i32(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int32_t n, value;
    uint32_t sum = 0;
    if (!arity(count, 2) || !as_i32(args[1], &n)) return NULL;
    for (int32_t i = 0; i < n; i++) {
        PyObject *result = call(args[0], PyLong_FromLong(i), PyLong_FromLong(1000));
        if (result == NULL) return NULL;
        int good = as_i32(result, &value);
        Py_DECREF(result);
        if (!good) return NULL;
        sum += (uint32_t)value;
    }
    return PyLong_FromLong((int32_t)sum);
}

static PyObject *loop_f64(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int32_t n;
    double value, sum = 0;
    if (!arity(count, 2) || !as_i32(args[1], &n)) return NULL;
    for (int32_t i = 0; i < n; i++) {
        PyObject *result = call(args[0], PyFloat_FromDouble(i), PyFloat_FromDouble(1000));
        if (result == NULL) return NULL;
        int good = as_f64(result, &value);
        Py_DECREF(result);
        if (!good) return NULL;
        sum += value;
    }
    return PyFloat_FromDouble(sum);
}
#endif

#define METHOD(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, NULL}
static PyMethodDef methods[] = {
    METHOD(add_i32), METHOD(add_i64), METHOD(add_f64), METHOD(six), METHOD(two),
#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030C0000
    METHOD(loop_i32), METHOD(loop_f64),
#endif
    {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "cext", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_cext(void) { return PyModuleDef_Init(&definition); }
