(module (memory (export "memory") 128))
