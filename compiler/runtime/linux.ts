// What the run time knows of the operating system: numbers and structures of Linux as glibc and musl both have
// them, on 64-bit machines; what differs between machines is an instance of System.

import { type Field, RecordType } from "../abi/records.ts";
import { C_BYTE, C_INT, C_INT64, C_LONG, C_POINTER, C_SIZE, Structure } from "../abi/structures.ts";
import { REGION_C } from "../ir/access.ts";

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

/** sigset_t: a bit per signal, of which the first word counts. */
export const SIGNALS = new Structure("sigset_t");
/** Signals 1 to 64. */
export const SIGNALS_FIRST = SIGNALS.member("__bits", C_INT64);
SIGNALS.member("more", C_BYTE, 120);

/** struct sigaction as the C library has it */
export const SIGACTION = new Structure("struct sigaction");
export const SIGACTION_HANDLER = SIGACTION.member("sa_handler", C_POINTER);
const sigactionMask = SIGACTION.nested("sa_mask", SIGNALS);
export const SIGACTION_MASK = sigactionMask.of(SIGNALS_FIRST);
export const SIGACTION_FLAGS = SIGACTION.member("sa_flags", C_INT);
SIGACTION.member("sa_restorer", C_POINTER);

const stack = new Structure("stack_t");
const STACK_LOW = stack.member("ss_sp", C_POINTER);
stack.member("ss_flags", C_INT);
const STACK_SIZE = stack.member("ss_size", C_SIZE);

/** ucontext_t begins with the alternate stack of the thread; then follow the machine's registers. */
const ucontext = new Structure("ucontext_t");
ucontext.member("uc_flags", C_LONG);
ucontext.member("uc_link", C_POINTER);
const ucontextStack = ucontext.nested("uc_stack", stack);
export const UCONTEXT_STACK_LOW = ucontextStack.of(STACK_LOW);
export const UCONTEXT_STACK_SIZE = ucontextStack.of(STACK_SIZE);

const info = new Structure("siginfo_t");
info.member("si_signo", C_INT);
info.member("si_errno", C_INT);
export const SIGINFO_CODE = info.member("si_code", C_INT);
/** The union that follows: of a fault its address, of a signal that was sent the sender. */
const fault = new Structure("siginfo_t of a fault");
fault.nested("head", info);
export const SIGINFO_ADDR = fault.member("si_addr", C_POINTER);
const sent = new Structure("siginfo_t of a signal that was sent");
sent.nested("head", info);
sent.member("union", C_POINTER, 0);
export const SIGINFO_PID = sent.member("si_pid", C_INT);
/** si_code of a signal sent by tkill or tgkill, as raise() does. Codes ≤ 0: sent by a process, not by a fault. */
export const SI_TKILL = -6;

/** A clock that is read without a system call, and goes on every 1 to 10 ms. */
export const CLOCK_MONOTONIC_COARSE = 6;
export const TIMESPEC = new Structure("struct timespec");
export const TIMESPEC_SECONDS = TIMESPEC.member("tv_sec", C_LONG);
export const TIMESPEC_NANOSECONDS = TIMESPEC.member("tv_nsec", C_LONG);

export const RLIMIT_STACK = 3;
export const RLIMIT = new Structure("struct rlimit");
/** The soft limit. */
export const RLIMIT_CURRENT = RLIMIT.member("rlim_cur", C_LONG);
RLIMIT.member("rlim_max", C_LONG);
/** At least the size of pthread_attr_t anywhere. */
export const PTHREAD_ATTR_BYTES = 128;
/** The same for pthread_mutex_t, whose zeros are an open lock. */
export const PTHREAD_MUTEX_BYTES = 64;

/** All structures: to be printed, and to be compared with what a C compiler makes of the headers. */
export const STRUCTURES: readonly Structure[] = [
  SIGNALS,
  SIGACTION,
  stack,
  ucontext,
  fault,
  sent,
  TIMESPEC,
  RLIMIT,
];

/** A machine under Linux: places in the third argument of a signal handler (ucontext_t), system call numbers. */
export class System {
  /** The program counter, the stack pointer, the register pinned to the instance. */
  readonly pc: Field;
  readonly sp: Field;
  readonly vmctx: Field;
  /** Bytes below an aligned stack pointer at which a function expects it on entry. */
  readonly entryBias: number;
  /** Where the ucontext_t of a signal that the kernel delivered lies, from the handler's caller_sp. */
  readonly frame: number;
  /** In a ucontext_t: the address of the last fault. */
  readonly address: Field;
  /** From a ucontext_t: where the handler returns to. */
  readonly restorer: number;
  /** All of its registers. */
  readonly registers: RecordType;
  /** What of a ucontext_t the kernel writes on any machine of the kind. */
  readonly stateBytes: number;
  readonly gettid: number;

  constructor(
    pc: Field,
    sp: Field,
    vmctx: Field,
    entryBias: number,
    frame: number,
    address: Field,
    restorer: number,
    registers: RecordType,
    stateBytes: number,
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
    this.stateBytes = stateBytes;
    this.gettid = gettid;
  }
}

/** gregs of x86-64's ucontext_t. */
const registers = new RecordType("gregs", REGION_C, 8, 40);
for (const name of ["r8", "r9", "r10", "r11", "r12", "r13", "r14"]) registers.word(name);
const r15 = registers.pointer("r15");
for (const name of ["rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx"]) registers.word(name);
const rsp = registers.pointer("rsp");
const rip = registers.pointer("rip");
for (const name of ["efl", "csgsfs", "err", "trapno", "oldmask"]) registers.word(name);
const cr2 = registers.pointer("cr2");

export const LINUX_X64: System = new System(rip, rsp, r15, 8, 0, cr2, -8, registers, 304, 186);
