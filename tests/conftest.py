"""What holds for all tests."""

from __future__ import annotations

import torch

# Tests run beside each other, one a core: threads within an operation would only fight over the cores.
torch.set_num_threads(1)
