// The kernel: builtins through which the Python side (wasmpy/_link.py) completes an instance. The image's exec
// function calls `wasmpy._link.attach(module, kernel, meta)`, where `kernel` is a dict name → builtin of this
// instance (`self` is the module) and `meta` a str. All arguments are positional. A wrong number of them, an
// index out of range or an object of the wrong type raises TypeError, ValueError or IndexError; nothing that
// Python passes here is trusted but addresses.
//
// name                 arguments → result
// bind                 (kind, index, object, address) → None
//     Binds index `index` of index space `kind` (0 function, 1 table, 2 memory, 3 global, as in the binary
//     format) and keeps `object` alive as long as the instance. Imports of every kind, own memories and own tables
//     must be bound before `initialize`; own functions and own globals must not be.
//       function: address 0 and any callable (TypeError if not), or a builtin of any wasmpy image and the address
//                 `resolve` gave for it (link natively; the caller has compared the types).
//       table, memory, global: a native object (below) and its `address()`.
// function             (index) → builtin
//     The builtin that stands for function `index`: the same object each time. Own functions and imported ones;
//     an import that was bound natively gives the builtin of its origin. Only functions that escape (exported,
//     referenced by ref.func, in an element segment or global): others raise ValueError.
// record               (index) → int
//     Address of the function record of an escaping function, as tables hold it.
// resolve              (object) → (address, type) or None
//     Record and canonical type number of a builtin of any wasmpy image of this interpreter; None for all else.
// set_type             (index, number) → None
//     Canonical number (1…2⁶³−1) of the module's type `index`; all types before `initialize`, and before `bind` of functions.
// export_global        (index) → GlobalBase
//     A new global object that is an alias of the instance's global `index` (own or bound) and keeps the module alive.
//     For reading and writing from Python use one object per global.
// initialize           () → None
//     Runs element and data segments, global initialisers and the start function, once. Raises what a trap raises.
// configure            (raise_trap) → None
//     The callable of this interpreter that turns traps into exceptions: raise_trap(code, pc, sp, stack), see
//     runtime/. Replaces the one before.
// code                 () → (text, table, index)
//     Addresses (int) of the start of the image's text and of its PC table, for tracebacks; see mach/pctable.ts.
// types                () → (MemoryBase, TableBase, GlobalBase)
//     The native types below, shared by all images of the interpreter. They may be subclassed.
//
// MemoryBase(minimum, maximum)       pages of 64 KiB, maximum -1: none. ValueError, MemoryError
//   .grow(pages) → int               old number of pages, or -1
//   .size() → int                    bytes
//   .limits() → (int, int)           pages now, declared maximum or -1
//   .address() → int                 of the memory record
//   buffer protocol                  writable bytes; a view taken before `grow` stays valid and short
// TableBase(functions, minimum, maximum)   functions: true for function references; maximum -1: none
//   .get(index) → object             IndexError; None for null
//   .set(index, object) → None       IndexError; TypeError if function references are wanted and it is none
//   .grow(count, object) → int       old size, or -1
//   .size() → int
//   .limits() → (int, int)           elements now, declared maximum or -1
//   .functions() → bool
//   .address() → int
// GlobalBase(type, mutable, value)   type: 1 i32, 2 i64, 3 f32, 4 f64, 6 externref, 7 funcref
//   .get() → object
//   .set(object) → None              conversions as for arguments; TypeError if immutable
//   .type() → (int, bool)            type, mutable
//   .address() → int                 of the cell
