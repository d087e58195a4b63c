"""Competitors, one small adapter each. Beyond NAME and version(), a module has what it can take part in:

kernel(name) → f(n) → (checksum, CPU seconds)     a kernel, loaded and warm
calls()      → object with add_i32, add_i64, add_f64, six and two
callbacks()  → object with loop_i32(f, n) and loop_f64(f, n), which call f(i, 1000) n times
memory()     → object with buffer() and expressions {case: (expression, its names)}: a memory of 8 MiB
compiler()   → context manager of f(wasm bytes) → CPU seconds, in a process that goes on
cold(path)   → (CPU seconds, wall seconds) of a new process that compiles the file

version() and all of these may raise AbsentError, whose text is printed.
"""
