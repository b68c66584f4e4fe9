"""The glossary's words are those of the public names, and what a thing is never called it is not called."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from capture import Lake, cli
from capture.functions import FUNCTIONS
from capture.schemas import TABLES
from capture.wanted.settings import Settings

CAPTURE = Path(__file__).parents[2] / "capture"
glossary = import_module("capture.cli.generate.glossary")  # type checkers see only the package
WORDS = {word.name: word for word in glossary.WORDS}
EACH = pytest.mark.parametrize("word", glossary.WORDS, ids=lambda word: word.name)

# What needs no word of ours: it says all that it is in everybody's.
PLAIN_COMMANDS = {"account", "check-bars", "check-positions", "demo", "du", "fills", "init", "metrics",
                  "notebook", "orders", "plan", "plot", "recover", "serve", "service", "version"}  # fmt: skip
PLAIN_METHODS = {"account", "account_coverage", "again", "bars", "book", "call", "check", "close", "depth", "greeks",
                 "heard", "heard_s", "limited", "midpoints", "orders", "plot", "pnl", "positions", "quotes", "sql",
                 "tables", "ticks", "trades", "within"}  # fmt: skip


def found(name: str) -> Any:
    """Return what a dotted name below `capture` stands for."""
    parts = name.split(".")
    for count in range(len(parts) - 1, -1, -1):
        try:
            thing = import_module(".".join(["capture", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(name)


def declared(of: str) -> set[str]:
    return {name for word in glossary.WORDS for name in getattr(word, of)}


def using(names: set[str]) -> set[str]:
    """Return which of some names have a word of the glossary among their parts."""
    plural = {f"{name}s" for name in WORDS} | set(WORDS)
    return {name for name in names if plural & set(re.split("[_ -]", name))}


def test_words_are_sorted_and_stand_once() -> None:
    names = [word.name for word in glossary.WORDS]
    assert names == sorted(set(names))
    assert all(word.meaning.endswith(".") and word.meaning[0].isupper() for word in glossary.WORDS)


@EACH
def test_its_names_in_code_exist_and_say_the_word(word: Any) -> None:
    for name in word.code:
        text = f"{name} {found(name).__doc__ or ''}".lower()
        stem = word.name.split()[0][:5]
        assert stem in text, f"{name} is no {word.name} by its name or docstring"


def test_every_command_is_a_word_or_plain() -> None:
    commands = set(get_group(cli.app).commands)
    assert declared("commands") | PLAIN_COMMANDS == commands
    assert not declared("commands") & PLAIN_COMMANDS
    assert using(commands) <= declared("commands")


@EACH
def test_the_help_of_its_commands_says_the_word(word: Any) -> None:
    for name in word.commands:
        command = get_group(cli.app).commands[name]
        options = " ".join(getattr(one, "help", None) or "" for one in command.params)
        text = f"{name} {command.help} {options}".lower()
        assert word.name[:4] in text, (word.name, name)


def test_every_setting_and_column_of_a_word_is_declared() -> None:
    settings, columns = set(Settings.model_fields), {one.name for table in TABLES.values() for one in table.columns}
    assert declared("settings") <= settings
    assert using(settings) - declared("settings") == set()
    assert declared("columns") <= columns
    named = {name for name in columns if name in WORDS or name.removesuffix("_id") in WORDS}
    assert named == declared("columns")


def test_every_method_of_a_lake_is_a_word_a_function_or_plain() -> None:
    methods = {name for name in dir(Lake) if not name.startswith("_")}
    words = {name.rpartition(".")[2] for name in declared("code") if ".Lake." in name}
    assert methods - words - FUNCTIONS.keys() - PLAIN_METHODS == set()


@EACH
def test_it_is_not_called_otherwise(word: Any) -> None:
    for path in (path for room in word.rooms for path in (CAPTURE / room).rglob("*.py")):
        met = re.search(word.never, path.read_text("utf-8"), re.IGNORECASE)
        assert met is None, f"{path}: {met and met[0]!r} is no word for {word.name}"
    assert bool(word.never) == bool(word.rooms)
