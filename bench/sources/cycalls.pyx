# cython: language_level=3
from libc.stdint cimport int32_t, int64_t


def add_i32(int32_t a, int32_t b):
    return <int32_t>(a + b)


def add_i64(int64_t a, int64_t b):
    return <int64_t>(a + b)


def add_f64(double a, double b):
    return a + b


def six(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f):
    return <int32_t>(a + b + c + d + e + f)


def two(int32_t a, int32_t b):
    return b, a
