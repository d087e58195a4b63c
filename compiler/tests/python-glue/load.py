"""Loads an image as a module and completes its instance through the kernel, without the package."""

import _imp
from importlib.machinery import ModuleSpec

import wasmpy._link as link


class Instance:
    """One instance of the image: everything that the kernel gives."""

    def __init__(self, path, name, imports):
        self.imports = imports
        link.hook = self._attach
        try:
            self.module = _imp.create_dynamic(ModuleSpec(name, None, origin=path))
            _imp.exec_dynamic(self.module)
        finally:
            link.hook = None
            link.log.clear()

    def _attach(self, module, kernel, meta):
        self.kernel = kernel
        memory, table, global_, *_ = kernel["natives"]()
        for i in range(len(meta["types"])):
            kernel["set_type"](i, i + 1)
        for _, name, kind, index in meta["imports"]:
            value = self.imports[name]
            if name == "gi" and isinstance(value, int):
                value = self.imports[name] = global_(1, True, value)
            if kind == 0:
                found = kernel["resolve"](value)
                kernel["bind"](kind, index, value, found[0] if found else 0)
            else:
                kernel["bind"](kind, index, value, value._address())
        self.memories = [memory(least, most) for least, most, _ in meta["memories"].values()]
        for i, value in zip(meta["memories"], self.memories):
            kernel["bind"](2, i, value, value._address())
        self.tables = [table(text == "funcref", least, most) for text, least, most, _ in meta["tables"].values()]
        for i, value in zip(meta["tables"], self.tables):
            kernel["bind"](1, i, value, value._address())
        kernel["initialize"]()
        self.exports = {}
        self.indices = {}
        for name, kind, index in meta["exports"]:
            self.indices[name] = index
            if kind == 0:
                self.exports[name] = kernel["function"](index)
            elif kind == 3:
                self.exports[name] = kernel["export_global"](index)

    def __getitem__(self, name):
        return self.exports[name]
