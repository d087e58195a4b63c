/* One instance of the kernel that wasm2c translated under the name "kernel". */
#include HEADER

int bench_run(int n) {
    static Z_kernel_instance_t instance;
    static int ready;
    if (!ready) {
        ready = 1;
        wasm_rt_init();
        Z_kernel_init_module();
        Z_kernel_instantiate(&instance);
    }
    return (int)Z_kernelZ_run(&instance, (u32)n);
}
