#include "memory.hpp"

#include <cstdlib>
#include <cstring>
#include <mutex>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace unroll {
namespace {

constexpr std::size_t kPage = std::size_t(2) << 20;
constexpr std::size_t kMostUnused = std::size_t(192) << 20;
constexpr int kSlots = 64;

struct Unused {
  void* block = nullptr;
  std::size_t bytes = 0;
  unsigned long long given = 0;  // when: a count of all that was given back
};

// The lock is only ever tried, never waited for: a fork in the middle of a call leaves it locked in the child for ever, and the
// child then merely goes without the store of unused blocks.
std::mutex lock;
Unused unused[kSlots];
std::size_t unused_total = 0;
unsigned long long gifts = 0;

std::size_t rounded(std::size_t bytes) {
  const std::size_t step = bytes >= 2 * kPage ? kPage : 4096;
  return (bytes + step - 1) / step * step;
}

// Takes a block out of its slot. Here and below the lock is held.
void* emptied(Unused& slot) {
  void* block = slot.block;
  unused_total -= slot.bytes;
  slot = Unused();
  return block;
}

Unused* empty_slot() {
  for (Unused& slot : unused)
    if (!slot.block) return &slot;
  return nullptr;
}

Unused* oldest() {
  Unused* found = nullptr;
  for (Unused& slot : unused)
    if (slot.block && (!found || slot.given < found->given)) found = &slot;
  return found;
}

}  // namespace

void* take_block(std::size_t bytes) {
  bytes = rounded(bytes);
  if (std::unique_lock<std::mutex> held(lock, std::try_to_lock); held)
    for (Unused& slot : unused)
      if (slot.block && slot.bytes == bytes) return emptied(slot);
  void* block = nullptr;
  if (posix_memalign(&block, bytes >= 2 * kPage ? kPage : 64, bytes) != 0) return nullptr;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= 2 * kPage) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void give_block(void* block, std::size_t bytes) {
  bytes = rounded(bytes);
  void* away[kSlots];  // freed when the lock is open again
  int count = 0;
  if (std::unique_lock<std::mutex> held(lock, std::try_to_lock); held && bytes <= kMostUnused) {
    while (unused_total + bytes > kMostUnused || !empty_slot()) away[count++] = emptied(*oldest());
    *empty_slot() = {block, bytes, ++gifts};
    unused_total += bytes;
  } else {
    away[count++] = block;
  }
  while (count) std::free(away[--count]);
}

void empty_blocks() {
  if (std::unique_lock<std::mutex> held(lock, std::try_to_lock); held)
    for (Unused& slot : unused) std::free(emptied(slot));
}

void spoil_blocks() {
  if (std::unique_lock<std::mutex> held(lock, std::try_to_lock); held)
    for (Unused& slot : unused)
      if (slot.block) std::memset(slot.block, 0xff, slot.bytes);
}

std::size_t unused_bytes() {
  std::unique_lock<std::mutex> held(lock, std::try_to_lock);
  return held ? unused_total : 0;
}

}  // namespace unroll
