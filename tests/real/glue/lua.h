/* Lua's errors without setjmp: protected calls and throwing are the host's. Included before every source of Lua. */
#define _SETJMP_H /* WASI has none */
struct lua_State;
__attribute__((import_module("host"), import_name("attempt"))) void
host_attempt(void (*function)(struct lua_State *, void *), struct lua_State *state, void *data);
__attribute__((import_module("host"), import_name("throw"))) _Noreturn void host_throw(void);
#define LUAI_TRY(L, c, a) host_attempt(f, L, ud)
#define LUAI_THROW(L, c) host_throw()
#define luai_jmpbuf int
