"""The verbs of the command line, each loaded when it is run or its help is wanted: most need what others do not."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import getdoc
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group, solve_typer_info_help
from typer.models import TyperInfo

from .leaving import reader_may_leave


class LateVerbs(Mapping[str, Any]):
    """The commands of modules by their names, in the order given; a module is loaded once its command is taken."""

    def __init__(self, package: str, modules: tuple[str, ...]) -> None:
        self._package = package
        self._modules = {module.rpartition(".")[2].replace("_", "-"): module for module in modules}
        self._made: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._modules)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._modules)

    def __getitem__(self, name: str) -> Any:
        """Return a command. Raises KeyError for a name that none has."""
        if name not in self._made:
            self._made[name] = _command(name, self._module(name))
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a command, without loading it."""
        return name in self._modules

    def listed(self) -> dict[str, Any]:
        """Return a command for each name that has nothing but its help: what it takes needs longer to find out."""
        return {name: TyperCommand(name, help=_help(self._module(name))) for name in self}

    def _module(self, name: str) -> ModuleType:
        return import_module(f"{self._package}.{self._modules[name]}")


def verbs_of(package: str, *modules: str) -> type[TyperGroup]:
    """Return what typer makes a command line of: the verbs of these modules of a package, each loaded late.

    A module has its function `run` and maybe an `EPILOG`, or with verbs of its own a `GROUP`.
    """
    verbs = LateVerbs(package, modules)

    class Verbs(TyperGroup):
        """The verbs of the command line; whoever reads the results of one, or its help, may leave."""

        def __init__(self, **extra: Any) -> None:
            super().__init__(**extra)
            self.commands = verbs  # type: ignore[assignment]  # nothing is added to it

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            """List the verbs."""
            TyperGroup(commands=verbs.listed()).format_commands(ctx, formatter)

        def make_context(self, *arguments: Any, **extra: Any) -> Any:
            """Read the command line, which may print help."""
            with reader_may_leave():
                return super().make_context(*arguments, **extra)

        def invoke(self, ctx: Any) -> Any:
            """Run a verb."""
            with reader_may_leave():
                return super().invoke(ctx)

    return Verbs


def _command(name: str, module: Any) -> Any:
    if hasattr(module, "GROUP"):
        command: Any = get_group(module.GROUP)
        command.name = name
        return command
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, epilog=getattr(module, "EPILOG", None))(module.run)
    return get_command(alone)


def _help(module: Any) -> str:
    if hasattr(module, "GROUP"):
        return solve_typer_info_help(TyperInfo(module.GROUP))
    return getdoc(module.run) or ""
