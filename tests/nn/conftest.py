"""One torch thread, as for the kernels."""

from tests.kernels.conftest import one_thread

__all__ = ["one_thread"]
