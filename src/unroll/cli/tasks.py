"""``unroll tasks``: what can be learned."""

from __future__ import annotations

from unroll.cli.options import Json


def tasks(json: Json = False) -> None:
    """List the tasks, with their settings."""
    from unroll import registry
    from unroll.cli.plugins import print_plugins

    print_plugins(registry.tasks, json)
