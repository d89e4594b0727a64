"""What ``unroll tasks`` and ``unroll models`` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from unroll.cli.output import print_json, print_table
from unroll.errors import Problem, StudyError, UnrollError
from unroll.layout import Layout, heading, prose
from unroll.registry import Family
from unroll.study.files import valued
from unroll.study.messages import message_of
from unroll.study.plug_in import PlugIn


def print_plugins(family: Family, json: bool) -> None:
    """Print every plug-in of a family with its settings; one that is broken is named with the reason."""
    plugins = [_facts(family, name) for name in family.names()]
    if json:
        print_json(plugins)
        return
    settings = prose(f"settings of [{family.noun}] and their defaults")
    table = Layout((heading(family.noun), prose("what it is"), settings))
    for plugin in plugins:
        given = [f"{name} (required)" for name in plugin["required"]]
        given += [f"{name} = {value!r}" for name, value in plugin["settings"].items() if name not in plugin["required"]]
        table.add(plugin["name"], plugin["error"] or plugin["summary"], "\n".join(given))
    print_table(table)


def _facts(family: Family, name: str) -> dict[str, Any]:
    """Return what a plug-in says of itself, in values that JSON knows, as far as it comes before it breaks."""
    facts: dict[str, Any] = {"name": name, "summary": "", "version": None, "tags": [], "settings": {}, "required": []}
    facts["error"] = None
    try:
        plugin = family.load(name)
        facts["required"] = [setting for setting, field in plugin.model_fields.items() if field.is_required()]
        facts["settings"] = to_jsonable_python(_defaults(plugin.model_fields), fallback=str)
        facts |= plugin.told()
        facts["version"] = family.version(name)
    except Exception as error:  # a third party's class may break in any way
        facts["error"] = reason(error)
    return facts


def _defaults(fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Return the default of each setting, made where a factory makes it; None of one that is required.

    A factory that looks at settings before it sees their defaults; where one of these is required, None stands for it.
    """
    found: dict[str, Any] = {}
    for setting, field in fields.items():
        try:
            made = field.get_default(call_default_factory=True, validated_data=found)
        except TypeError:  # pydantic before 2.10
            made = field.get_default(call_default_factory=True)
        found[setting] = None if field.is_required() else made
    return found


def reason(error: Exception) -> str:
    """Return why a plug-in is broken, in a sentence."""
    return str(error) if isinstance(error, UnrollError) else f"It is broken: {type(error).__name__}: {error}"


def configured(form: type[PlugIn], settings: Sequence[str]) -> Any:
    """Return a plug-in with settings such as "hidden=32"; StudyError where they are none of it."""
    given = {}
    for text in settings:
        key, equals, written = (part.strip() for part in text.partition("="))
        if not equals:
            raise StudyError([Problem(f'"{text}" is not NAME=VALUE, such as train=100', source="--set")])
        given[key.removeprefix(f"{form.noun}.")] = valued(written)
    try:
        return form(**given)
    except ValidationError as error:
        problems = [(".".join(map(str, item["loc"])), message_of(item, form)) for item in error.errors()]
        raise StudyError(
            [
                Problem(f'{message} ({form.noun} "{form.name}")', setting, source="--set")
                for setting, message in problems
            ]
        ) from None
