#!/usr/bin/env bash
# Compiles the C++ kernels, if a compiler is there and something has changed.
#   build.sh OUTPUT JAVA_HOME
# Without g++ or jni.h nothing is built, and libtorch's operators do the work.
set -euo pipefail

output=$1
java_home=$2
main=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { echo "C++ kernels: $*"; }

if [[ $(uname -s) != Linux ]]; then
  say "not built, they are for Linux"
  exit 0
fi
# Older JDKs report their jre directory, and the include directory is a level up.
for home in "$java_home" "$java_home/.."; do
  if [[ -f $home/include/jni.h ]]; then
    jni=(-I"$home/include" -I"$home/include/linux")
  fi
done
if [[ -z ${jni:-} ]]; then
  say "not built, $java_home has no include/jni.h"
  exit 0
fi
if ! compiler=$(command -v "${CXX:-g++}"); then
  say "not built, no ${CXX:-g++} on the PATH"
  exit 0
fi
if [[ -f $output && -z $(find "$main" -newer "$output" -type f) ]]; then
  say "up to date"
  exit 0
fi
mkdir -p "$(dirname "$output")"
"$compiler" -std=c++17 -O3 -ffp-contract=off -fno-math-errno -fopenmp -Wall -Wextra -fvisibility=hidden -fPIC -shared \
  -static-libstdc++ -static-libgcc "${jni[@]}" "$main"/*.cpp -o "$output.part"
mv "$output.part" "$output"
say "built with $("$compiler" --version | head -1)"
