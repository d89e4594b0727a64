// Big aligned blocks that are kept when they are given back.
//
// What an LSTM saves for backward at T = 500 is 50 MB an update. Asked of the system each time, its pages cost as long as a third
// of the computation. Blocks are aligned to 64 bytes, from 4 MB on to huge pages. At most 192 MB lie unused: what lies longest goes
// back to the system first, so that the sizes in use now are the ones that are kept.
#pragma once

#include <cstddef>

namespace unroll {

void* take_block(std::size_t bytes);             // null where there is no memory
void give_block(void* block, std::size_t bytes);  // the same number of bytes
void empty_blocks();                             // to the system, all that lie unused
std::size_t unused_bytes();
void spoil_blocks();                             // fill all that lie unused with NaN, for tests

}  // namespace unroll
