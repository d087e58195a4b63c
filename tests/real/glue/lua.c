/* Lua for the host: one state with the libraries that need no operating system. */
#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static lua_State *state;

__attribute__((export_name("open"))) void open_state(void) {
  static const luaL_Reg libraries[] = {
      {LUA_GNAME, luaopen_base},         {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
      {LUA_STRLIBNAME, luaopen_string},  {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8},
  };
  state = luaL_newstate();
  for (int i = 0; i < 6; i++) {
    luaL_requiref(state, libraries[i].name, libraries[i].func, 1);
    lua_pop(state, 1);
  }
}

/* What a chunk returns, or the message of its error. */
__attribute__((export_name("eval"))) const char *eval(const char *source) {
  lua_settop(state, 0);
  if (luaL_loadstring(state, source) == LUA_OK) lua_pcall(state, 0, 1, 0);
  return luaL_tolstring(state, -1, 0);
}

/* The host's half of a protected call. */
__attribute__((export_name("invoke"))) void invoke(void (*function)(lua_State *, void *), lua_State *L, void *data) {
  function(L, data);
}
