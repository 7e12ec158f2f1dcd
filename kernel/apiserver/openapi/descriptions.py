"""Descriptions of fields: the docstrings that stand below them in the source of their struct.

    class WebsiteSpec(Struct):
        replicas: int = 1
        \"\"\"How many Pods serve the site. Default: 1.\"\"\"
        mode: str = ""
        \"\"\"How they serve it. One of: Static, Dynamic.\"\"\"

Python drops such strings as it compiles, so they cost neither memory nor a moment of start-up; the
source is read when OpenAPI is first asked for.

Two sentences are data too, where Kubernetes' schemas have it: `One of: A, B.` lists the values that
a field, or an item of a list, may have (`""` stands for the empty one), and `Required.` is for
fields that must be there though the struct has a default, because what is missing is said by
validation, with all else that is wrong.
"""

import ast
import re
import sys
import tokenize
from functools import cached_property
from itertools import pairwise

from kernel.objects.struct import wire_name

_PYTHON_NAME = re.compile(r"(?<=`)[a-z0-9]+(?:_[a-z0-9]+)+(?=`)")
_VALUES = re.compile(r"\bOne of: ([^.]+)\.")


class Descriptions:
    """The descriptions of all fields, read a module at a time, and forgotten with this object."""

    def __init__(self) -> None:
        self._modules: dict[str, _Module] = {}

    def of_field(self, struct: type, name: str) -> str:
        """What is said of a field by its Python name; empty where nothing is."""
        for base in struct.__mro__:
            if name in getattr(base, "__annotations__", ()):
                module = self._modules.get(base.__module__)
                if module is None:
                    module = self._modules[base.__module__] = _Module(base.__module__)
                found = module.fields.get((base.__qualname__, name))
                if found:
                    return found
        return ""


def description_of_struct(struct: type) -> str:
    """The first paragraph of its docstring, which names fields as Python does; so not the wire."""
    first, _, _ = (struct.__doc__ or "").partition("\n\n")
    return _PYTHON_NAME.sub(lambda name: wire_name(name[0]), " ".join(first.split()))


def allowed_values(description: str) -> list[str]:
    """The values that a description lists as the only ones."""
    found = _VALUES.search(description)
    return [value.strip().strip('"') for value in found[1].split(",")] if found else []


def is_required(description: str) -> bool:
    """Whether a description says that the field must be there."""
    return "Required." in description


class _Module:
    def __init__(self, name: str):
        self._name = name

    @cached_property
    def fields(self) -> dict[tuple[str, str], str]:
        """Descriptions by qualified name of the class and name of the field."""
        found: dict[tuple[str, str], str] = {}
        _collect(self._tree(), "", found)
        return found

    def _tree(self) -> ast.Module:
        path = getattr(sys.modules.get(self._name), "__file__", None)
        try:
            with tokenize.open(path or "") as source:
                return ast.parse(source.read())
        except (OSError, SyntaxError, ValueError):  # compiled code alone, or none in a file
            return ast.Module([], [])


def _collect(scope: ast.AST, prefix: str, found: dict[tuple[str, str], str]) -> None:
    for node in ast.iter_child_nodes(scope):
        match node:
            case ast.ClassDef(name=name, body=body):
                for field, after in pairwise(body):
                    match field, after:
                        case (
                            ast.AnnAssign(target=ast.Name(id=field_name)),
                            ast.Expr(value=ast.Constant(value=str() as text)),
                        ):
                            found[prefix + name, field_name] = " ".join(text.split())
                _collect(node, f"{prefix}{name}.", found)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                _collect(node, f"{prefix}{name}.<locals>.", found)
            case ast.If() | ast.Try() | ast.With():
                _collect(node, prefix, found)
