#include "emulation.h"

#include <ucontext.h>

#include <memory>
#include <vector>

namespace sparkmoe::emulation {

namespace {

constexpr size_t STACK = 64 * 1024;
constexpr unsigned LANES = 32;

// Fibers that wait until all of them have arrived; those that ended count as gone.
struct Barrier {
  unsigned members = 0;
  unsigned arrived = 0;
  uint64_t generation = 0;

  void release_if_complete() {
    if (arrived > 0 && arrived == members) {
      arrived = 0;
      generation++;
    }
  }
};

struct Warp {
  Barrier barrier;
  uint64_t values[LANES];
};

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool ended;
};

struct Block {
  Place place;
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  Barrier barrier;
  ucontext_t scheduler;
  unsigned running;
  bool progress;
  const std::function<void()>* kernel;

  Warp& warp() { return warps[running / LANES]; }
};

thread_local Block block;
thread_local int error = cudaSuccess;

void pause() { swapcontext(&block.fibers[block.running].context, &block.scheduler); }

void wait(Barrier& barrier) {
  uint64_t mine = barrier.generation;
  barrier.arrived++;
  barrier.release_if_complete();
  block.progress = true;
  while (barrier.generation == mine) {
    pause();
  }
  block.progress = true;
}

void run_fiber() {
  (*block.kernel)();
  Fiber& fiber = block.fibers[block.running];
  fiber.ended = true;
  block.progress = true;
  block.barrier.members--;
  block.barrier.release_if_complete();
  block.warp().barrier.members--;
  block.warp().barrier.release_if_complete();
  pause();
}

void prepare(unsigned threads) {
  block.fibers.resize(threads);
  block.warps.assign((threads + LANES - 1) / LANES, Warp{});
  block.barrier = Barrier{threads};
  for (unsigned t = 0; t < threads; t++) {
    Fiber& fiber = block.fibers[t];
    if (fiber.stack == nullptr) {
      fiber.stack = std::make_unique<char[]>(STACK);
    }
    fiber.ended = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = STACK;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_fiber, 0);
    block.warps[t / LANES].barrier.members++;
  }
}

// Whether all threads came to their end.
bool run_block(unsigned threads) {
  prepare(threads);
  for (bool alive = true; alive;) {
    alive = false;
    block.progress = false;
    for (unsigned t = 0; t < threads; t++) {
      if (!block.fibers[t].ended) {
        block.running = t;
        block.place.thread.x = t;
        swapcontext(&block.scheduler, &block.fibers[t].context);
        alive = alive || !block.fibers[t].ended;
      }
    }
    if (alive && !block.progress) {
      return false;
    }
  }
  return true;
}

}  // namespace

const Place& place() { return block.place; }

void sync_block() { wait(block.barrier); }

uint64_t exchange(uint64_t value, unsigned source) {
  Warp& warp = block.warp();
  warp.values[block.running % LANES] = value;
  wait(warp.barrier);
  uint64_t result = warp.values[source];
  wait(warp.barrier);
  return result;
}

void launch(int blocks, int threads, const std::function<void()>& kernel) {
  block.kernel = &kernel;
  block.place.blocks.x = blocks;
  block.place.threads.x = threads;
  for (int b = 0; b < blocks && error == cudaSuccess; b++) {
    block.place.block.x = b;
    if (!run_block(threads)) {
      error = cudaErrorLaunchFailure;
    }
  }
}

int take_error() {
  int taken = error;
  error = cudaSuccess;
  return taken;
}

}  // namespace sparkmoe::emulation
