"""What ``unroll tasks`` and ``unroll models`` print."""

from __future__ import annotations

from typing import Any

from unroll.cli.output import print_json, print_table, table_of
from unroll.errors import PlugInError
from unroll.registry import Family


def print_plugins(family: Family, json: bool) -> None:
    """Print every plug-in of a family with its settings; one that cannot be loaded is named with the reason."""
    plugins = [_facts(family, name) for name in family.names()]
    if json:
        print_json(plugins)
        return
    table = table_of((family.noun, "what it is", f"settings of [{family.noun}] and their defaults"))
    for plugin in plugins:
        settings = "\n".join(f"{setting} = {value!r}" for setting, value in plugin["settings"].items())
        table.add_row(plugin["name"], plugin["error"] or plugin["summary"], settings)
    print_table(table)


def _facts(family: Family, name: str) -> dict[str, Any]:
    try:
        plugin = family.load(name)
    except PlugInError as error:
        return {"name": name, "summary": "", "version": None, "tags": [], "settings": {}, "error": str(error)}
    return {
        "name": name,
        "summary": plugin.summary,
        "version": family.version(name),
        "tags": list(plugin.tags),
        "settings": {setting: field.get_default() for setting, field in plugin.model_fields.items()},
        "error": None,
    }
