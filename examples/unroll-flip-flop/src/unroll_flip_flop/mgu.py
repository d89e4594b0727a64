"""The minimal gated unit: its facts and settings. No torch here."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from unroll.models import Model

if TYPE_CHECKING:
    from unroll.models.network import Network


class MGU(Model):
    r"""A GRU with one gate, f, for both forgetting and resetting (Zhou et al. 2016). One layer of ``hidden`` units.

    .. math::

        f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
        \tilde h_t &= \tanh(W_h x_t + U_h (f_t h_{t-1}) + b_h), \qquad h_t = (1 - f_t) h_{t-1} + f_t \tilde h_t
    """

    name = "mgu"
    summary = "minimal gated unit, one gate"
    tags = ("recurrent",)
    sources = ("zhou2016minimal",)
    references = "references.bib"  # beside this module

    hidden: Annotated[int, Field(ge=1, le=65_536)] = 64

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> "Network":
        """Import torch only now."""
        from unroll_flip_flop.mgu_network import MGUNetwork

        return MGUNetwork(inputs, self.hidden, outputs, readout)
