// What the run time knows of the operating system: numbers and layouts of Linux as glibc and musl both have
// them, on 64-bit machines; what differs between machines is an instance of System.

export const PROT_NONE = 0;
export const PROT_READ_WRITE = 3;
/** MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE */
export const MAP_RESERVE = 0x4022;
/** Zeros in a forked child, from Linux 4.14 on. */
export const MADV_WIPEONFORK = 18;

/** RTLD_NOW | RTLD_NOLOAD: only what is open. */
export const DLOPEN_KNOWN = 6;

export const SIGBUS = 7;
export const SIGSEGV = 11;
/** How pthread_sigmask takes signals out of the mask. */
export const SIG_UNBLOCK = 1;

export const SIG_DFL = 0;
export const SIG_IGN = 1;
export const SA_SIGINFO = 4;
export const SA_ONSTACK = 0x0800_0000;

// struct sigaction as the C library has it
export const SIGACTION_HANDLER = 0;
export const SIGACTION_MASK = 8;
export const SIGACTION_FLAGS = 136;
export const SIGACTION_BYTES = 152;

/** sigset_t: a bit per signal, of which the first word counts. */
export const SIGSET_BYTES = 128;

// ucontext_t: the alternate stack of the thread, and what of it the kernel writes anywhere
export const UCONTEXT_STACK = 16;
export const STACK_LOW = 0;
export const STACK_SIZE = 16;
export const UCONTEXT_BYTES = 304;

// siginfo_t
export const SIGINFO_CODE = 8;
export const SIGINFO_PID = 16;
export const SIGINFO_ADDR = 16;
/** si_code of a signal sent by tkill or tgkill, as raise() does. Codes ≤ 0: sent by a process, not by a fault. */
export const SI_TKILL = -6;

/** A clock that is read without a system call, and goes on every 1 to 10 ms. */
export const CLOCK_MONOTONIC_COARSE = 6;
/** struct timespec: seconds, nanoseconds. */
export const TIMESPEC_BYTES = 16;

export const RLIMIT_STACK = 3;
/** struct rlimit: the soft limit comes first. */
export const RLIMIT_BYTES = 16;
/** At least the size of pthread_attr_t anywhere. */
export const PTHREAD_ATTR_BYTES = 128;
/** The same for pthread_mutex_t, whose zeros are an open lock. */
export const PTHREAD_MUTEX_BYTES = 64;

/** A machine under Linux: places in the third argument of a signal handler (ucontext_t), system call numbers. */
export class System {
  readonly pc: number;
  readonly sp: number;
  /** The register pinned to the instance. */
  readonly vmctx: number;
  /** Bytes below an aligned stack pointer at which a function expects it on entry. */
  readonly entryBias: number;
  /** Where the ucontext_t of a signal that the kernel delivered lies, from the handler's caller_sp. */
  readonly frame: number;
  /** From a ucontext_t: the address of the last fault, and where the handler returns to. */
  readonly address: number;
  readonly restorer: number;
  /** Where its registers begin, and how many words they are. */
  readonly registers: number;
  readonly registerCount: number;
  readonly gettid: number;

  constructor(
    pc: number,
    sp: number,
    vmctx: number,
    entryBias: number,
    frame: number,
    address: number,
    restorer: number,
    registers: number,
    registerCount: number,
    gettid: number,
  ) {
    this.pc = pc;
    this.sp = sp;
    this.vmctx = vmctx;
    this.entryBias = entryBias;
    this.frame = frame;
    this.address = address;
    this.restorer = restorer;
    this.registers = registers;
    this.registerCount = registerCount;
    this.gettid = gettid;
  }
}

/** gregs begin at 40, in the order r8 … r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip …, number 22 is cr2. */
export const LINUX_X64: System = new System(
  40 + 16 * 8,
  40 + 15 * 8,
  40 + 7 * 8,
  8,
  0,
  40 + 22 * 8,
  -8,
  40,
  23,
  186,
);
