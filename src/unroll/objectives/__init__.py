"""What is minimised: losses over scored positions, with the numbers that belong to them."""

from unroll.objectives.base import Objective

__all__ = ["Objective"]
