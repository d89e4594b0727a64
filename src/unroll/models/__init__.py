"""What learns. Importing a model's facts and settings imports no torch; building one does."""

from unroll.models.base import Model

__all__ = ["Model"]
