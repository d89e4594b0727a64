"""What pydantic found wrong, said as a fact with its value and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from unroll.errors import Problem, did_you_mean

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


def message_of(error: Mapping[str, Any], form: type[BaseModel]) -> str:
    """Return one of pydantic's error records in our words."""
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        known = list(_form_at(form, error["loc"][:-1]).model_fields)
        return f"unknown key.{did_you_mean(name, known)} Known: {', '.join(known)}"
    if kind == "missing":
        return "is required and missing"
    if kind in _KINDS:
        return f"{value!r} is not {_KINDS[kind]}"
    if kind == "literal_error":
        allowed = context["expected"]
        hint = did_you_mean(str(value), [word.strip("' ") for word in allowed.replace(" or ", ",").split(",")])
        return (
            f"{value!r} is not one of {allowed}.{hint}"
            if isinstance(value, str)
            else f"{value!r} is not one of {allowed}"
        )
    if kind == "finite_number":
        return f"{value!r} is not a finite number"
    for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if name in context:
            return f"{value!r} is not allowed: it must be {words} {context[name]}"
    if kind == "value_error":
        return str(context["error"])
    return f"{value!r} is not allowed: {error['msg'][:1].lower()}{error['msg'][1:]}"


def problem_of(error: Mapping[str, Any], form: type[BaseModel]) -> Problem:
    """Return one of pydantic's error records as a Problem without a place in a file."""
    return Problem(message_of(error, form), ".".join(str(part) for part in error["loc"]))


def _form_at(form: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    """Follow a path into nested forms; lists of forms are looked through."""
    for part in path:
        if isinstance(part, int):
            continue
        inner = form.model_fields[part].annotation
        candidates = [inner, *getattr(inner, "__args__", ())]
        form = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), form)
    return form
