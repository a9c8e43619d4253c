#!/usr/bin/env bash
# Compiles the device kernels, if their compiler is there and something has changed.
#   build.sh cuda OUTPUT JAVA_HOME       with nvcc, for sm_80, sm_90 and PTX
#   build.sh emulation OUTPUT JAVA_HOME  with g++, on the CPU, for tests
# nvcc is looked for in CUDA_HOME/bin and on the PATH; without it nothing is built, and libtorch's
# operators do the work.
set -euo pipefail

flavour=$1
output=$2
java_home=$3
main=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test=$main/../../test/cuda
sources=("$main"/{routing,gate,places,expert,adamw,table}.cu "$main"/jni_glue.cpp)
# Older JDKs report their jre directory, or the include directory is a level up.
for home in "$java_home" "$java_home/.."; do
  if [[ -f $home/include/jni.h ]]; then
    jni=(-I"$home/include" -I"$home/include/linux")
  fi
done

say() { echo "device kernels ($flavour): $*"; }

if [[ -z ${jni:-} ]]; then
  say "not built, $java_home has no include/jni.h"
  exit 0
fi

case $flavour in
  cuda)
    compiler=${CUDA_HOME:+$CUDA_HOME/bin/nvcc}
    [[ -x $compiler ]] || compiler=$(command -v nvcc || true)
    command=("$compiler" -std=c++20 -O3 -Xcompiler -fPIC,-Wall --shared --cudart static --threads 2
      -gencode arch=compute_80,code=sm_80 -gencode "arch=compute_90,code=[sm_90,compute_90]")
    ;;
  emulation)
    compiler=$(command -v g++ || true)
    command=("$compiler" -std=c++20 -O1 -Wall -Wno-unknown-pragmas -shared -fPIC -I"$test" -x c++)
    sources+=("$test/emulation.cpp")
    ;;
  *)
    echo "flavour $flavour must be cuda or emulation" >&2
    exit 2
    ;;
esac

if [[ -z $compiler ]]; then
  say "not built, no compiler (nvcc or g++) on the PATH"
  exit 0
fi
if [[ -f $output && -z $(find "$main" "$test" -newer "$output" -type f) ]]; then
  say "up to date"
  exit 0
fi
mkdir -p "$(dirname "$output")"
start=$SECONDS
"${command[@]}" -I"$main" "${jni[@]}" "${sources[@]}" -o "$output.part" -ldl
mv "$output.part" "$output"
say "built with $("$compiler" --version | grep -Eo 'release [0-9.]+|[0-9]+\.[0-9]+\.[0-9]+' | head -1) in $((SECONDS - start)) s"
