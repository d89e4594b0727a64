"""Odd sizes: so few of the whole grid that every two values of different axes still meet; test-native runs more."""

from __future__ import annotations

from itertools import combinations, product

BS = (1, 5, 16, 17, 64, 65)
TS = (1, 2, 3, 7, 63, 500)
IS = (1, 2, 3, 64)
HS = (1, 3, 16, 17, 64, 100, 128)

Size = tuple[int, int, int, int]  # B, T, I, H


def some_sizes() -> list[Size]:
    """Sizes among which every pair of values of two axes occurs: greedily, the size with the most new pairs next."""

    def pairs(size: Size) -> set[tuple[tuple[int, int], ...]]:
        return set(combinations(enumerate(size), 2))

    grid = list(product(BS, TS, IS, HS))
    left = {pair for size in grid for pair in pairs(size)}
    chosen = []
    while left:
        size = max(grid, key=lambda candidate: (len(pairs(candidate) & left), -candidate[1]))
        chosen.append(size)
        left -= pairs(size)
    return chosen
