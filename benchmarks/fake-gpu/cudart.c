// The CUDA runtime of the fake GPU: memory of the device is memory of the host, whatever is queued
// on a stream is done at once, and kernels of libtorch and NVIDIA do not run.
//
// A launch is therefore reported: an operator that should have gone to its CPU kernel did not, and
// its result is garbage. Our own kernels never come here, as they are built for the emulation.
#define __CUDA_API_VERSION_INTERNAL  // Declares functions by their names in the library.
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// ---- memory

enum { MOST_BLOCKS = 1 << 16 };

typedef struct {
  char *start;
  size_t bytes;
  enum cudaMemoryType type;
} Block;

static Block blocks[MOST_BLOCKS];
static int block_count;

static cudaError_t allocate(void **result, size_t bytes, enum cudaMemoryType type) {
  *result = NULL;
  if (bytes == 0) return cudaSuccess;
  void *start;
  if (posix_memalign(&start, 512, bytes)) return cudaErrorMemoryAllocation;
  pthread_mutex_lock(&lock);
  int full = block_count == MOST_BLOCKS;
  if (!full) blocks[block_count++] = (Block){start, bytes, type};
  pthread_mutex_unlock(&lock);
  if (full) {
    free(start);
    return cudaErrorMemoryAllocation;
  }
  // As on a GPU that nobody used yet; what libtorch's allocator reuses is as dirty as there.
  memset(start, 0, bytes);
  *result = start;
  return cudaSuccess;
}

static cudaError_t release(void *start) {
  if (!start) return cudaSuccess;
  cudaError_t result = cudaErrorInvalidValue;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < block_count; i++) {
    if (blocks[i].start == start) {
      blocks[i] = blocks[--block_count];
      free(start);
      result = cudaSuccess;
      break;
    }
  }
  pthread_mutex_unlock(&lock);
  return result;
}

cudaError_t cudaMalloc(void **p, size_t n) { return allocate(p, n, cudaMemoryTypeDevice); }
cudaError_t cudaMallocAsync(void **p, size_t n, cudaStream_t stream) { return cudaMalloc(p, n); }
cudaError_t cudaHostAlloc(void **p, size_t n, unsigned flags) {
  return allocate(p, n, cudaMemoryTypeHost);
}
cudaError_t cudaFree(void *p) { return release(p); }
cudaError_t cudaFreeAsync(void *p, cudaStream_t stream) { return release(p); }
cudaError_t cudaFreeHost(void *p) { return release(p); }
cudaError_t cudaHostRegister(void *p, size_t n, unsigned flags) { return cudaSuccess; }
cudaError_t cudaHostUnregister(void *p) { return cudaSuccess; }

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *result, const void *pointer) {
  const char *p = pointer;
  memset(result, 0, sizeof *result);
  result->type = cudaMemoryTypeUnregistered;
  result->device = -1;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < block_count; i++) {
    if (p >= blocks[i].start && p < blocks[i].start + blocks[i].bytes) {
      result->type = blocks[i].type;
      result->device = 0;
      result->devicePointer = result->hostPointer = (void *)pointer;
      break;
    }
  }
  pthread_mutex_unlock(&lock);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind kind) {
  memmove(to, from, n);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return cudaMemcpy(to, from, n, kind);
}
cudaError_t cudaMemset(void *p, int value, size_t n) {
  memset(p, value, n);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t stream) {
  return cudaMemset(p, value, n);
}
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
  *free_bytes = 8ull << 30;
  *total = 80ull << 30;
  return cudaSuccess;
}

// ---- the device: an H100 by its numbers

static __thread int current_device;

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int *device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device != 0) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char *id, int bytes, int device) {
  snprintf(id, bytes, "0000:01:00.0");
  return cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) {
  *can = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
  memset(p, 0, sizeof *p);
  strcpy(p->name, "Fake H100");
  p->totalGlobalMem = 80ull << 30;
  p->sharedMemPerBlock = 49152;
  p->sharedMemPerBlockOptin = 232448;
  p->sharedMemPerMultiprocessor = 233472;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = 9;
  p->multiProcessorCount = 132;
  p->maxThreadsPerMultiProcessor = 2048;
  p->maxBlocksPerMultiProcessor = 32;
  p->l2CacheSize = 52428800;
  p->textureAlignment = 512;
  p->concurrentKernels = 1;
  p->unifiedAddressing = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 132;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 49152;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = 232448;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 9;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 2147483647;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    default:
      *value = 0;
  }
  return cudaSuccess;
}

// ---- streams and events: all work is over when it has been queued

typedef struct {
  double milliseconds;
  int timed;
} Moment;

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority) {
  int *own = malloc(sizeof *own);
  *own = priority;
  *stream = (cudaStream_t)own;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  free(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int *priority) {
  *priority = stream ? *(int *)stream : 0;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, enum cudaStreamCaptureStatus *status,
                                     unsigned long long *id, cudaGraph_t *graph,
                                     const cudaGraphNode_t **nodes, const cudaGraphEdgeData **edges,
                                     size_t *count) {
  if (id) *id = 0;
  return cudaStreamIsCapturing(stream, status);
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  Moment *own = calloc(1, sizeof *own);
  own->timed = !(flags & cudaEventDisableTiming);
  *event = (cudaEvent_t)own;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  free(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  ((Moment *)event)->milliseconds = now.tv_sec * 1e3 + now.tv_nsec / 1e6;
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  return cudaEventRecord(event, stream);
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) {
  const Moment *begin = (Moment *)from, *end = (Moment *)to;
  if (!begin->timed || !end->timed) return cudaErrorInvalidResourceHandle;
  float elapsed = end->milliseconds - begin->milliseconds;
  *milliseconds = elapsed > 0 ? elapsed : 1e-3f;  // Callers divide by it.
  return cudaSuccess;
}

// ---- kernels

typedef struct {
  const void *function;
  const char *name;
} Kernel;

static Kernel *kernels;
static size_t kernel_count, kernel_room;

void __cudaRegisterFunction(void **binary, const char *function, char *device_function,
                            const char *name, int limit, uint3 *thread, uint3 *block,
                            dim3 *block_size, dim3 *grid_size, int *warp_size) {
  pthread_mutex_lock(&lock);
  if (kernel_count == kernel_room) {
    kernel_room = kernel_room ? 2 * kernel_room : 1024;
    kernels = realloc(kernels, kernel_room * sizeof *kernels);
  }
  kernels[kernel_count++] = (Kernel){function, name};
  pthread_mutex_unlock(&lock);
}

static const char *name_of(const void *function) {
  for (size_t i = 0; i < kernel_count; i++) {
    if (kernels[i].function == function) return kernels[i].name;
  }
  return "one that was never registered";
}

static cudaError_t refuse_or_report(const void *kernel, dim3 grid, dim3 block) {
  static const void *reported[4096];
  static int count;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535 ||
      block.x == 0 || block.x * block.y * block.z > 1024) {
    fprintf(stderr, "fake GPU: bad launch, grid %u %u %u, block %u %u %u\n", grid.x, grid.y, grid.z,
            block.x, block.y, block.z);
    return cudaErrorInvalidConfiguration;
  }
  pthread_mutex_lock(&lock);
  int known = 0;
  for (int i = 0; i < count && !known; i++) known = reported[i] == kernel;
  if (!known && count < 4096) reported[count++] = kernel;
  pthread_mutex_unlock(&lock);
  if (!known) fprintf(stderr, "fake GPU: a kernel was not run: %s\n", name_of(kernel));
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments,
                             size_t shared, cudaStream_t stream) {
  return refuse_or_report(kernel, grid, block);
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments,
                               size_t shared, cudaStream_t stream) {
  return refuse_or_report(kernel, grid, block);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *launch, const void *kernel,
                                void **arguments) {
  return refuse_or_report(kernel, launch->gridDim, launch->blockDim);
}
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *function) {
  *kernel = (cudaKernel_t)function;
  return cudaSuccess;
}

typedef struct {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
} Configuration;

static __thread Configuration configurations[16];
static __thread int configuration_count;

// What nvcc makes of kernel<<<grid, block>>>(...).
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared,
                                     struct CUstream_st *stream) {
  configurations[configuration_count++] = (Configuration){grid, block, shared, stream};
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
  Configuration top = configurations[--configuration_count];
  *grid = top.grid;
  *block = top.block;
  *shared = top.shared;
  *(cudaStream_t *)stream = top.stream;
  return cudaSuccess;
}
void **__cudaRegisterFatBinary(void *binary) {
  static void *handle;
  return &handle;
}
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *function) {
  memset(attributes, 0, sizeof *attributes);
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *count, const void *function,
                                                                   int threads, size_t shared,
                                                                   unsigned flags) {
  *count = threads > 0 && threads < 2048 ? 2048 / threads : 1;
  return cudaSuccess;
}
cudaError_t cudaGetSymbolAddress(void **address, const void *symbol) {
  *address = (void *)symbol;
  return cudaSuccess;
}

// ---- errors, and the driver behind the runtime

const char *cudaGetErrorName(cudaError_t error) { return error ? "fakeError" : "cudaSuccess"; }
const char *cudaGetErrorString(cudaError_t error) {
  static __thread char text[64];
  if (error == cudaSuccess) return "no error";
  snprintf(text, sizeof text, "error %d of the fake GPU", error);
  return text;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version,
                                             unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *result) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  *function = driver ? dlsym(driver, name) : NULL;
  if (result) {
    *result = *function ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  }
  return *function ? cudaSuccess : cudaErrorSymbolNotFound;
}
