// Common to all kernel files: storage and arithmetic types, and how a kernel is declared.
//
// The launcher puts one line before the source, such as "#define STORED_float32".  Arrays hold `Stored`; formulas are
// computed in `Real`: double for float64, float for everything else.  load() and store() are the only casts.
// No CUDA header is needed, so NVRTC compiles without one, and so does a host compiler, given definitions of the CUDA keywords.
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define THREADS 256 // per block, in one or two dimensions
#define FULL 0xffffffffu // all lanes of a warp

#ifndef KERNEL
// at least two blocks per multiprocessor: without this number ptxas spills registers to fit more of them
#define KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(THREADS, 2) name(__VA_ARGS__)
#define FORMULA __device__ __forceinline__
#endif

// Two bytes in memory; no arithmetic but the casts, which round to nearest even.
struct float16 {
  unsigned short bits;
};
struct bfloat16 {
  unsigned short bits;
};

#ifdef STORED_float64
typedef double Stored;
typedef double Real;
#elif defined(STORED_float32)
typedef float Stored;
typedef float Real;
#elif defined(STORED_float16)
typedef float16 Stored;
typedef float Real;
#elif defined(STORED_bfloat16)
typedef bfloat16 Stored;
typedef float Real;
#else
#error "define STORED_float64, STORED_float32, STORED_float16 or STORED_bfloat16"
#endif

#ifdef __CUDACC_RTC__
FORMULA float half_to_float(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
FORMULA unsigned short float_to_half(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
FORMULA unsigned short float_to_bfloat(float x) { // an instruction of sm_80
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#endif

FORMULA Real load(const float16 *p, i64 i) { return half_to_float(p[i].bits); }
FORMULA Real load(const bfloat16 *p, i64 i) { return __int_as_float((int)p[i].bits << 16); }
template <class T> FORMULA Real load(const T *p, i64 i) { return (Real)p[i]; }

template <class T> FORMULA void store(T *p, i64 i, Real value) { p[i] = (T)value; }
FORMULA void store(float16 *p, i64 i, Real value) { p[i].bits = float_to_half((float)value); }
FORMULA void store(bfloat16 *p, i64 i, Real value) { p[i].bits = float_to_bfloat((float)value); }

FORMULA Real minus_infinity() { return __int_as_float(0xff800000); }
FORMULA bool is_finite(Real x) { return x - x == 0; }

// A block of two dimensions has columns along x; every other block has one dimension.
FORMULA int thread() { return threadIdx.y * blockDim.x + threadIdx.x; }
FORMULA int lane() { return thread() & 31; }
FORMULA int warp() { return thread() >> 5; }

// for (EACH(i, n)): a grid-stride loop over all i below n
#define EACH(i, n) i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < (n); i += (i64)gridDim.x * blockDim.x
