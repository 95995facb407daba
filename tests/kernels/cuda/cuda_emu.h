// CUDA on a CPU, for tests: included before a kernel file, it lets the host's C++ compiler compile it.
//
// CUDA threads of a block run on fibers; blocks run one after another.  A fiber runs one thread after another until one has
// to wait at a barrier, so a kernel without barriers costs hardly more than a loop.  The caller chooses the order of the
// threads: 0 forward, 1 backward, otherwise shuffled.
//
// Finds: wrong indices and arguments, a barrier that not all threads reach, shared memory read before it is written (it is
// 0xFF, NaN, before each block), a missing __syncthreads (the result depends on the order).
// Does not find: races between blocks, limits of launches, slowness.  No tensor cores, clusters or cooperative launches.
//
// Kernels whose `Real` is float flush subnormal numbers, as --ftz=true makes them do on a GPU; those in double do not, whatever
// the caller's mode is.  x86 knows one mode for both types, so the few doubles inside a float kernel are flushed here too,
// below 2.2e-308.
#pragma once
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <utility>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#define __device__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __shared__ static __attribute__((section("cuda_shared")))
#define FORMULA inline
#define KERNEL(name, ...)                                                                                              \
  extern "C" void name(__VA_ARGS__);                                                                                   \
  extern "C" const char *signature_of_##name() { return emu::signature(name); }                                        \
  extern "C" int launch_##name(const unsigned *shape, void **arguments, int order) {                                   \
    emu::Mode mode(sizeof(Real) == sizeof(float));                                                                     \
    return emu::launch(name, shape, arguments, order);                                                                 \
  }                                                                                                                    \
  extern "C" void name(__VA_ARGS__)

struct dim3 {
  unsigned x, y, z;
};
struct uint4 {
  unsigned x, y, z, w;
};
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static dim3 gridDim, blockDim, blockIdx, threadIdx;

struct float16;
struct bfloat16;
extern char __start_cuda_shared[] __attribute__((weak));
extern char __stop_cuda_shared[] __attribute__((weak));

namespace emu {

// -- fibers ----------------------------------------------------------------------------------------------------------

const int MOST = 1024, STACK = 64 << 10;
struct Fiber {
  jmp_buf here;
  ucontext_t start;
  char *stack;
  int thread;              // the thread that it runs; -1 if it is idle
  const unsigned *barrier; // a waiting thread waits until this differs from `since`
  unsigned since;
};
static Fiber fibers[MOST];
static int made, current, order_of[MOST], next_thread, threads, alive;
static jmp_buf scheduler;
static unsigned block_turn, block_count, warp_turn[MOST / 32], warp_count[MOST / 32], warp_alive[MOST / 32];
static uint64_t slots[MOST / 32][2][32];
static void (*body)();

static inline void place(int t) {
  threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}
static inline int self() { return fibers[current].thread; }
static inline void to_scheduler() {
  if (!_setjmp(fibers[current].here)) _longjmp(scheduler, 1);
}
static inline void wait(const unsigned &turn) {
  Fiber &f = fibers[current];
  f.barrier = &turn, f.since = turn;
  to_scheduler();
  place(self());
}
static inline void block_barrier() {
  if (++block_count >= (unsigned)alive) block_count = 0, ++block_turn;
  else wait(block_turn);
}
static inline void warp_barrier() {
  int w = self() >> 5;
  if (++warp_count[w] >= warp_alive[w]) warp_count[w] = 0, ++warp_turn[w];
  else wait(warp_turn[w]);
}
static void leave(int t) { // barriers no longer wait for a thread that has returned
  int w = t >> 5;
  --alive, --warp_alive[w];
  if (alive && block_count >= (unsigned)alive) block_count = 0, ++block_turn;
  if (warp_alive[w] && warp_count[w] >= warp_alive[w]) warp_count[w] = 0, ++warp_turn[w];
}
static void work() {
  for (;;) {
    while (next_thread < threads) {
      int t = fibers[current].thread = order_of[next_thread++];
      place(t);
      body();
      leave(t);
    }
    fibers[current].thread = -1;
    to_scheduler();
  }
}
static void resume(int i) {
  current = i;
  if (_setjmp(scheduler)) return;
  if (i < made) _longjmp(fibers[i].here, 1);
  Fiber &f = fibers[made++];
  f.stack = (char *)malloc(STACK);
  getcontext(&f.start);
  f.start.uc_stack.ss_sp = f.stack, f.start.uc_stack.ss_size = STACK, f.start.uc_link = nullptr;
  makecontext(&f.start, work, 0);
  setcontext(&f.start);
}
// 1 if some threads wait at a barrier that others never reach.
static int run_block() {
  alive = threads, next_thread = 0;
  block_turn = block_count = 0;
  for (int w = 0; w < (threads + 31) / 32; ++w) {
    warp_turn[w] = warp_count[w] = 0;
    warp_alive[w] = threads - 32 * w < 32 ? threads - 32 * w : 32;
  }
  if (__start_cuda_shared) memset(__start_cuda_shared, 0xFF, __stop_cuda_shared - __start_cuda_shared);
  int used = 0; // fibers of this block
  while (next_thread < threads) resume(used++);
  while (alive) {
    bool advanced = false;
    for (int i = 0; i < used; ++i)
      if (fibers[i].thread >= 0 && *fibers[i].barrier != fibers[i].since) advanced = true, resume(i);
    if (!advanced) return made = 0, 1; // the stacks of waiting threads are leaked
  }
  return 0;
}

// -- launches --------------------------------------------------------------------------------------------------------

// Whether this thread flushes subnormal numbers, until the end of the block; then the caller's mode again.
struct Mode {
#ifdef __x86_64__
  unsigned before = _mm_getcsr();
  Mode(bool flush) { _mm_setcsr(flush ? before | 0x8040 : before & ~0x8040u); }
  ~Mode() { _mm_setcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
  Mode(bool flush) {
    asm volatile("mrs %0, fpcr" : "=r"(before));
    set(flush ? before | 1u << 24 : before & ~(uint64_t)(1u << 24));
  }
  ~Mode() { set(before); }
  static void set(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
  Mode(bool) {}
#endif
};

static void *called, **given;
template <class... A, size_t... I> static void call(std::index_sequence<I...>) {
  ((void (*)(A...))called)(*(A *)given[I]...);
}
template <class... A> static void call_all() { call<A...>(std::index_sequence_for<A...>{}); }

template <class... A> static int launch(void (*f)(A...), const unsigned *shape, void **arguments, int order) {
  called = (void *)f, given = arguments, body = call_all<A...>;
  gridDim = {shape[0], shape[1], shape[2]};
  blockDim = {shape[3], shape[4], shape[5]};
  threads = shape[3] * shape[4] * shape[5];
  for (int i = 0; i < threads; ++i) order_of[i] = order == 1 ? threads - 1 - i : i;
  if (order > 1)
    for (unsigned i = threads - 1, r = order * 2654435761u; i > 0; --i) {
      r = r * 1664525u + 1013904223u;
      std::swap(order_of[i], order_of[(r >> 8) % (i + 1)]);
    }
  for (unsigned z = 0; z < shape[2]; ++z)
    for (unsigned y = 0; y < shape[1]; ++y)
      for (unsigned x = 0; x < shape[0]; ++x) {
        blockIdx = {x, y, z};
        if (run_block()) return 1;
      }
  return 0;
}

// "*float32,int64": the argument types of a kernel by their NumPy names, arrays with a star
template <class T> struct Name;
#define NAME(type, name)                                                                                               \
  template <> struct Name<type> {                                                                                      \
    static constexpr const char *text = name;                                                                          \
  };                                                                                                                   \
  template <> struct Name<type *> {                                                                                    \
    static constexpr const char *text = "*" name;                                                                      \
  };                                                                                                                   \
  template <> struct Name<const type *> {                                                                              \
    static constexpr const char *text = "*" name;                                                                      \
  };
NAME(double, "float64")
NAME(float, "float32")
NAME(float16, "float16")
NAME(bfloat16, "bfloat16")
NAME(long long, "int64")
NAME(unsigned long long, "uint64")
NAME(int, "int32")
NAME(unsigned, "uint32")
NAME(short, "int16")
NAME(unsigned short, "uint16")
NAME(signed char, "int8")
NAME(unsigned char, "uint8")
NAME(bool, "bool")
template <class... A> static const char *signature(void (*)(A...)) {
  static char text[1024];
  text[0] = 0;
  for (const char *name : {Name<A>::text...}) strcat(strcat(text, text[0] ? "," : ""), name);
  return text;
}
template <class T> static T exchange(T value, int from) { // two parities: one barrier for each exchange is enough
  int t = self(), w = t >> 5;
  uint64_t *slot = slots[w][warp_turn[w] & 1], bits = 0;
  memcpy(&bits, &value, sizeof(T));
  slot[t & 31] = bits;
  warp_barrier();
  memcpy(&value, &slot[from < 0 || from > 31 ? t & 31 : from], sizeof(T));
  return value;
}
} // namespace emu

// -- what kernels use ------------------------------------------------------------------------------------------------

static inline void __syncthreads() { emu::block_barrier(); }
static inline void __syncwarp(unsigned = ~0u) { emu::warp_barrier(); }
static inline void __threadfence() {}
template <class T> static T __shfl_xor_sync(unsigned, T v, int mask) { return emu::exchange(v, (emu::self() & 31) ^ mask); }
template <class T> static T __shfl_sync(unsigned, T v, int from) { return emu::exchange(v, from & 31); }
static inline int atomicAdd(int *p, int v) {
  int old = *p;
  *p = old + v;
  return old;
}
static inline uint32_t __umulhi(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }
template <class To, class From> static To same_bits(From from) {
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}
static inline float __int_as_float(int bits) { return same_bits<float>(bits); }
static inline float half_to_float(unsigned short bits) { return (float)same_bits<_Float16>(bits); }
static inline unsigned short float_to_half(float x) { return same_bits<unsigned short>((_Float16)x); }
static inline unsigned short float_to_bfloat(float x) {
  uint32_t bits = same_bits<uint32_t>(x);
  if (x != x) return 0x7fff;
  return (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16); // to the nearest, ties to even
}
