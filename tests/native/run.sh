#!/usr/bin/env bash
# The checks of the kernels that need another compiler, another processor or minutes: `make test-native`.
#
#   levels      small trials of every task and recurrent model, kernels, PyTorch and NumPy held to AVX-512, AVX2 and less: the
#               committed digests of all that they store
#   plain       C++ programs on every instruction set here: all odd sizes against plain double; tanh and logistic on all 2^32 floats;
#               the committed digests of each cell's bits
#   clang       the same digests, compiled by Clang
#   sanitize    odd sizes, and the kernels' Python tests, under AddressSanitizer and UndefinedBehaviorSanitizer; threads under ThreadSanitizer
#   neon        cross-compiled for Arm, run by qemu-aarch64: sizes, tanh and logistic, and the same digests
#   old         the Python module on old x86-64 processors, by qemu-x86_64: what it picks, what it refuses, that it runs
#   streams     streams and data by Debian's Python and an old NumPy for Arm, by qemu-aarch64: the digests that they have here
#
# usage: run.sh PYTHON [part...]; PYTHON has the package's development dependencies.
# What is not installed is named, with the command that installs it; as root on Debian it is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=$1
shift
BUILD=build/native-tests
PACKAGES=(cmake g++ clang ninja-build qemu-user g++-aarch64-linux-gnu libc6-dev-arm64-cross)
mkdir -p $BUILD

say() { printf '\n== %s (%s s)\n' "$*" $SECONDS; }

need() {  # need PROGRAM...: installs what is missing, or says how and fails
  local missing=()
  for program; do command -v "$program" > /dev/null || missing+=("$program"); done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    say "installing ${PACKAGES[*]}, for ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" > /dev/null
    return
  fi
  echo "not here: ${missing[*]}. On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${PACKAGES[*]}" >&2
  exit 1
}

programs() {  # programs NAME [cmake option...]: builds tests/native into $BUILD/NAME
  local name=$1
  shift
  cmake -S tests/native -B "$BUILD/$name" -G Ninja "$@" > "$BUILD/$name.log"
  cmake --build "$BUILD/$name" >> "$BUILD/$name.log" || { tail -30 "$BUILD/$name.log"; exit 1; }
}

FUSED='v4 v3 neon'  # sets with fused multiply-adds, which have one family of bits

golden() {  # golden FOLDER ISA...: of these sets, those that are fused, against the digests of cells and of whole updates
  local folder=$1 fused=()
  shift
  for isa; do [[ " $FUSED " == *" $isa "* ]] && fused+=("$isa"); done
  [ ${#fused[@]} -gt 0 ] || return 0
  $folder/golden tests/kernels/golden.txt "${fused[@]}"
  $folder/updates tests/kernels/golden_updates.txt "${fused[@]}"
}

levels() {
  say "levels: every small trial under each set of instructions"
  "$PYTHON" -m tests.training.small levels
}

plain() {
  say "plain: every odd size, every float32"
  programs plain
  local isas
  isas=$("$BUILD/plain/cells")
  "$BUILD/plain/cells" all $isas
  golden "$BUILD/plain" $isas
  "$BUILD/plain/activations" 1 $isas
}

clang() {
  say "clang: the same bits"
  need clang++
  programs clang -DCMAKE_CXX_COMPILER=clang++
  golden "$BUILD/clang" $("$BUILD/clang/cells")
}

sanitize() {
  say "sanitize: address and undefined behaviour"
  local site=$BUILD/site isas
  programs asan -DUNROLL_SANITIZE=address,undefined -DPython_EXECUTABLE="$("$PYTHON" -c 'import sys; print(sys.executable)')" \
    -Dnanobind_DIR="$("$PYTHON" -m nanobind --cmake_dir)"
  isas=$("$BUILD/asan/cells")
  "$BUILD/asan/cells" few $isas
  golden "$BUILD/asan" $isas
  rm -rf $site && mkdir -p $site && cp -r src/unroll $site/
  rm -f $site/unroll/kernels/_native*.so
  cp $BUILD/asan/kernels/_native*.so $site/unroll/kernels/
  # The C++ library too: the sanitizer looks for it before Python has loaded it. Python itself leaks, so leaks are not counted.
  LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
    UBSAN_OPTIONS=print_stacktrace=1 "$PYTHON" tests/native/with_site.py $site -q -x -p no:cacheprovider -m "not unsanitized" \
    -k "not threads_and_repeats and not (values_and_gradients and (63 or 500))" tests/kernels  # those are minutes here; few has threads

  say "sanitize: threads"
  programs tsan -DUNROLL_SANITIZE=thread
  TSAN_OPTIONS=halt_on_error=1 "$BUILD/tsan/cells" few $isas
}

neon() {
  say "neon: Arm, by qemu-aarch64"
  need qemu-aarch64 aarch64-linux-gnu-g++
  programs neon -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
  local qemu="qemu-aarch64 -L /usr/aarch64-linux-gnu"
  [ "$($qemu $BUILD/neon/cells)" = neon ]
  $qemu $BUILD/neon/cells few neon
  $qemu $BUILD/neon/activations 4099 neon
  golden "$qemu $BUILD/neon" neon
}

old() {
  say "old: x86-64 processors of 2008 and 2013, by qemu-x86_64"
  need qemu-x86_64
  programs plain
  local python qemu
  python=$("$PYTHON" -c 'import sys; print(sys.executable)')
  qemu="qemu-x86_64 -cpu Nehalem"
  $qemu "$BUILD/plain/cells" few v2
  $qemu "$python" tests/native/old_processor.py v2
  qemu="qemu-x86_64 -cpu Haswell"
  { $qemu "$BUILD/plain/cells" few v3
    $qemu "$python" tests/native/old_processor.py v3,v2; } 2> >(grep -v "TCG doesn't support requested feature" >&2)
}

streams() {
  say "streams: Python and NumPy for Arm, by qemu-aarch64"
  need qemu-aarch64 apt-get dpkg
  local arm=$PWD/$BUILD/arm version numpy=numpy
  if ! [ -e "$arm/whole" ]; then
    rm -rf "$arm" && mkdir -p "$arm"/{state/lists/partial,cache/archives/partial,root}
    touch "$arm/status"  # lists and downloads of its own: this system's packages are not touched
    local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State=$arm/state"
      -o "Dir::State::status=$arm/status" -o "Dir::Cache=$arm/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    "${apt[@]}" install -y --download-only --no-install-recommends python3 > "$arm/log"
    for package in "$arm"/cache/archives/*.deb; do dpkg -x "$package" "$arm/root"; done
    version=$(basename "$(readlink "$arm/root/usr/bin/python3")")
    case $version in python3.11 | python3.12) numpy="numpy==1.26.4" ;; esac  # the oldest that is supported; newer Pythons have no wheels of it
    "$PYTHON" -m pip --disable-pip-version-check install --quiet --target "$arm/site" --only-binary :all: \
      --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 --python-version "${version#python}" "$numpy" pydantic \
      >> "$arm/log" 2>&1 || { cat "$arm/log"; exit 1; }  # else it says what does not fit to the packages here
    touch "$arm/whole"
  fi
  PYTHONPATH=$arm/site:src PYTHONDONTWRITEBYTECODE=1 qemu-aarch64 -L "$arm/root" "$arm/root/usr/bin/python3" -m tests.streams.golden \
    | diff tests/streams/golden.json - && echo "the same on Arm"
}

need cmake ninja g++
for part in ${*:-levels plain clang sanitize neon old streams}; do $part; done
say "all fine"
