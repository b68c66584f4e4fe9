"""Small changes to a program that a good test notices: each site in a module's syntax tree, and what it becomes."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Continue: ast.Break, ast.Break: ast.Continue,
}  # fmt: skip
# Of these nothing is changed: types, and texts for people. An assertion that is gone is missed only by a fault.
_LEFT_ALONE = (ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Site:
    """A place that can be changed in one way: the node's number in the walk over the tree, its line, and the change.

    `is_inside` says that it is in the body of a function, and so runs only when that is called.
    """

    number: int
    line: int
    change: str
    is_inside: bool = False


def sites(source: str) -> list[Site]:
    """Return all places of a module that can be changed."""
    tree = ast.parse(source)
    inside = {node for function in ast.walk(tree) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
              for statement in function.body for node in ast.walk(statement)}  # fmt: skip
    return [Site(number, getattr(node, "lineno", 0), change, node in inside)
            for number, node in enumerate(_nodes(tree)) if (change := _change(node))]  # fmt: skip


def mutated(source: str, site: Site) -> ast.Module:
    """Return a module's tree, changed at one site."""
    tree = ast.parse(source)
    node = next(node for number, node in enumerate(_nodes(tree)) if number == site.number)
    replacement = _replacement(node)
    assert replacement is not None  # it is a site
    _Replace(node, replacement).visit(tree)
    return ast.fix_missing_locations(tree)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return ast.copy_location(self._new, node)
        return self.generic_visit(node)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may change, always in the same order."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, _LEFT_ALONE) and not _is_strict(child):
                yield child
                yield from _nodes(child)


def _is_strict(node: ast.AST) -> bool:
    """Whether it is the `strict` of a zip, which is an assertion."""
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _change(node: ast.AST) -> str | None:
    """Return what becomes of a node, in words; None where it stays."""
    if (new := _replacement(node)) is None:
        return None
    if isinstance(new, ast.Pass):
        return f"without: {ast.unparse(node)}"
    return f"{ast.unparse(node)} → {ast.unparse(new)}"


def _replacement(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Compare(ops=[op, *rest]) if type(op) in _SWAPS:
            new = copy.copy(node)
            new.ops = [_swapped(op), *rest]
            return new
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _SWAPS and not _is_text(node):
            other = copy.copy(node)
            other.op = _swapped(op)
            return other
        case ast.Continue() | ast.Break():
            swapped: ast.AST = _swapped(node)
            return swapped
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return operand
        case ast.Constant(value=bool() as value):
            return ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            return ast.Constant(value + 1)
        case ast.If(test=ast.Name() | ast.Call() | ast.Attribute() as test):
            negated = copy.copy(node)
            negated.test = ast.UnaryOp(ast.Not(), test)
            return negated
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return ast.Pass()
        case _:
            return None


def _swapped(node: ast.AST) -> Any:
    return _SWAPS[type(node)]()


def _is_text(node: ast.AST) -> bool:
    """Whether an operation puts texts together, as far as can be seen: these cannot be subtracted."""
    return any(isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
               for part in ast.walk(node))  # fmt: skip
