#include <cstdint>
#include <nanobind/nanobind.h>

namespace nb = nanobind;
using i32 = int32_t;
using i64 = int64_t;

NB_MODULE(nbcalls, m) {
    m.def("add_i32", [](i32 a, i32 b) { return a + b; });
    m.def("add_i64", [](i64 a, i64 b) { return a + b; });
    m.def("add_f64", [](double a, double b) { return a + b; });
    m.def("six", [](i32 a, i32 b, i32 c, i32 d, i32 e, i32 f) { return a + b + c + d + e + f; });
    m.def("two", [](i32 a, i32 b) { return nb::make_tuple(b, a); });
}
