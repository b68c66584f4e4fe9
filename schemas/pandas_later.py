"""pandas is loaded by who asks for it: pyarrow would load it for the first list that becomes an array, in 0.3 s."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PANDAS, _ARROW = "pandas", "pyarrow"


class _Finder(MetaPathFinder):
    """Finds pandas for everybody but pyarrow's first look for it, which is let happen as soon as pyarrow is there."""

    def __init__(self) -> None:
        self._looking: int | None = None  # the thread in which pyarrow looks

    @contextmanager
    def hiding(self) -> Iterator[None]:
        """Return a context in which this thread finds no pandas."""
        self._looking = threading.get_ident()
        try:
            yield
        finally:
            self._looking = None

    def let_look(self, arrow: Any) -> None:
        """Have pyarrow look for pandas in vain."""
        with self.hiding():
            arrow.array([])

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where pandas or pyarrow is, None for other modules. Raises ModuleNotFoundError while it is hidden."""
        if name not in (_PANDAS, _ARROW):
            return None
        if name == _PANDAS and self._looking == threading.get_ident():
            raise ModuleNotFoundError(f"No module named {_PANDAS!r}", name=_PANDAS)
        others = (finder for finder in sys.meta_path if finder is not self)
        found = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if found is not None and found.loader is not None:  # who only looks whether it is there loads nothing
            found.loader = _Loader(found.loader, _tell_arrow if name == _PANDAS else self.let_look)
        return found


class _Loader(Loader):
    """Loads a module as another loader does, and then does something with it."""

    def __init__(self, loader: Loader, then: Callable[[ModuleType], None]) -> None:
        self._loader, self._then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then(module)


def _tell_arrow(_pandas: ModuleType) -> None:
    """Let pyarrow know pandas, whose objects it treats in a way of their own."""
    if (arrow := sys.modules.get(_ARROW)) is not None:
        with suppress(ImportError):  # of a pandas that is too old for it
            _ = arrow.lib._pandas_api.version


def load_pandas_later() -> None:
    """Keep pyarrow from loading pandas before anybody else does; it knows pandas once that is there."""
    if _PANDAS in sys.modules:
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    if _ARROW in sys.modules:
        finder.let_look(sys.modules[_ARROW])
