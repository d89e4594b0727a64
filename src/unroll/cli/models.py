"""``unroll models``: what can learn it."""

from __future__ import annotations

from unroll.cli.options import Json


def models(json: Json = False) -> None:
    """List the models, with their settings."""
    from unroll import registry
    from unroll.cli.plugins import print_plugins

    print_plugins(registry.models, json)
