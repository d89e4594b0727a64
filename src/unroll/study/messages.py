"""What pydantic found wrong, said as a fact with its value and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from unroll.errors import Problem, did_you_mean

LONGEST = 60
"""Characters of a value that a message shows."""

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "is_instance_of": "a table",
}


def shown(value: object) -> str:
    """Return a value as a message shows it: cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # more digits, or deeper, than Python prints
        return "this value"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def message_of(error: Mapping[str, Any], form: type[BaseModel]) -> str:
    """Return one of pydantic's error records in our words."""
    kind, value, context = error["type"], shown(error.get("input")), error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        known = list(_form_at(form, error["loc"][:-1]).model_fields)
        return f"unknown key.{did_you_mean(name, known)} Known: {', '.join(known)}"
    if kind == "missing":
        return f"is required and missing{_instead(form, error['loc'])}"
    if kind in _KINDS:
        return f"{value} is not {_KINDS[kind]}"
    if kind == "too_short":
        return "is empty. Give at least one"
    if kind == "literal_error":
        allowed = context["expected"]
        words = [word.strip("' ") for word in allowed.replace(" or ", ",").split(",")]
        hint = did_you_mean(value.strip("'"), words)
        return f"{value} is not one of {allowed}{'.' if hint else ''}{hint}"
    if kind == "finite_number":
        return f"{value} is not a finite number"
    for name, relation in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if name in context:
            return f"{value} is not allowed: it must be {relation} {context[name]}"
    if kind == "value_error":
        return str(context["error"])
    return f"{value} is not allowed: {error['msg'][:1].lower()}{error['msg'][1:]}"


def problem_of(error: Mapping[str, Any], form: type[BaseModel]) -> Problem:
    """Return one of pydantic's error records as a Problem without a place in a file.

    Its setting is named as all are: without the places in lists, which a file's line tells.
    """
    return Problem(message_of(error, form), ".".join(str(part) for part in error["loc"] if not isinstance(part, int)))


def _instead(form: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """Say what to write where a setting is missing that names an example."""
    field = form.model_fields.get(str(path[0])) if len(path) == 1 else None
    section = getattr(form, "noun", "")
    if field is None or not field.examples or not section:
        return ""
    return f'. Write into [{section}]: {path[0]} = "{field.examples[0]}", or type --set {section}.{path[0]}=PATH'


def _form_at(form: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    """Follow a path into nested forms; lists of forms are looked through."""
    for part in path:
        if isinstance(part, int):
            continue
        inner = form.model_fields[part].annotation
        candidates = [inner, *getattr(inner, "__args__", ())]
        form = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), form)
    return form
