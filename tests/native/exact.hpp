// What the programs share that compare bits with committed digests: numbers that go in, made of integers by exact steps, so that any
// language makes the same; a digest over all bits that come out; lines of a case and its digest.
#pragma once

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "harness.hpp"

namespace harness {

inline uint64_t mixed(uint64_t i) {  // splitmix64
  i += 0x9e3779b97f4a7c15;
  i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9;
  i = (i ^ (i >> 27)) * 0x94d049bb133111eb;
  return i ^ (i >> 31);
}

// Numbers in turn from one stream.
struct Stream {
  uint64_t place = 0;
  void fill(const Buffer<float>& to, int power) {  // in [-1/2, 1/2) times 2^power
    for (std::size_t i = 0; i < to.size(); ++i)
      to.get()[i] = std::ldexp(float(int64_t(mixed(place++) >> 40) - (1 << 23)), power - 24);
  }
  int64_t below(int64_t bound) { return int64_t((mixed(place++) >> 40) % uint64_t(bound)); }
};

// A sum over all bits, 32 at a time, the lower first, each times a number that depends on its place.
struct Digest {
  uint64_t sum = 0, place = 0;
  template <class T>
  void add(const Buffer<T>& from) {
    for (std::size_t i = 0; i < from.size() * sizeof(T) / 4; ++i) {
      uint32_t bits;
      std::memcpy(&bits, reinterpret_cast<const char*>(from.get()) + 4 * i, 4);
      sum += (uint64_t(bits) + 1) * mixed(place++);
    }
  }
};

// A program's work: writes the file that its first word names, by the fastest set; or compares with it, on the sets that its other words
// name and so many threads. text(i) is a case, digest(i, kernels, threads) its digest.
template <class Text, class DigestOf>
int golden(int count, char** words, std::size_t cases, const std::vector<int>& threads, Text text, DigestOf digest) {
  if (count < 2) return std::fprintf(stderr, "%s FILE [ISA...]\n", words[0]), 2;
  if (count == 2) {
    std::ofstream file(words[1]);
    for (std::size_t i = 0; i < cases; ++i)
      file << text(i) << ' ' << std::hex << digest(i, *unroll::usable_kernels(0), threads[0]) << std::dec << '\n';
    return file.good() ? 0 : 1;
  }
  const std::vector<const unroll::Kernels*> sets = sets_named(count, words);
  if (sets.empty()) return 2;
  std::ifstream file(words[1]);
  int compared = 0;
  for (std::size_t i = 0; i < cases; ++i) {
    std::string line;
    std::getline(file, line);
    for (const unroll::Kernels* kernels : sets)
      for (const int members : threads) {
        std::ostringstream got;
        got << text(i) << ' ' << std::hex << digest(i, *kernels, members);
        ++compared;
        if (got.str() == line) continue;
        ++failures;
        std::printf("WRONG %s with %d threads: %s and not %s\n", kernels->isa, members, got.str().c_str(), line.c_str());
      }
  }
  std::printf("%d digests compared, %d wrong\n", compared, failures);
  return failures ? 1 : 0;
}

}  // namespace harness
