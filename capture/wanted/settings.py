"""Settings: ticktape.toml, then TICKTAPE_* variables, then what the command line says, checked as one."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentValueError

from capture.data_folder import TAPE
from capture.kernel.library import SWITCH
from capture.schemas import retention_fault
from capture.suggestion import unknown
from capture.text_file import UnreadableTextError, read_text
from capture.toml_lines import line_of
from capture.trouble_kinds import GROUPS, KINDS

from .account_settings import Accounts
from .alert_block import SECRETS, AlertBlock, web_address
from .instrument import Instrument, grammar, parse_instrument
from .streams import Stream, allowed_streams, default_streams, parse_stream
from .windows import IB_RESTART_WINDOWS, parse_window

FILE_NAME = "ticktape.toml"
PREFIX = "TICKTAPE_"


class SettingsError(ValueError):
    """The settings are wrong; the text names the place, the key, what is wrong and what is allowed."""


class RecordBlock(BaseModel):
    """One [[record]] block: these streams of these instruments."""

    model_config = ConfigDict(extra="forbid")

    instruments: list[str | dict[str, Any]] = Field(min_length=1)
    streams: list[str] = Field(min_length=1)

    @field_validator("instruments")
    @classmethod
    def _known_instruments(cls, given: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
        for instrument in given:
            parse_instrument(instrument)
        return given

    @field_validator("streams")
    @classmethod
    def _known_streams(cls, given: list[str]) -> list[str]:
        for word in given:
            parse_stream(word)
        return given

    def wanted(self) -> list[tuple[Instrument, Stream]]:
        """Return each stream of each instrument."""
        streams = [parse_stream(word) for word in self.streams]
        return [(instrument, stream) for instrument in map(parse_instrument, self.instruments) for stream in streams]


class Settings(BaseSettings):
    """What a recorder is told. Field descriptions are the comments in the file that `ticktape init` writes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1, description="Where TWS or IB Gateway runs.")
    port: int = Field(default=4002, ge=1, le=65535, description=(
        "Its API port: IB Gateway 4001 live, 4002 paper; TWS 7496 live, 7497 paper."))
    client_id: int = Field(default=17, ge=0, le=2**31 - 1, description=(
        "API client id; no other client may use the same one."))
    data: Path = Field(default=Path("data"), description="Folder for the tape and the tables.")
    recorder: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description=(
        "Name of this recorder: letters, digits, _ and -; one process per name and data folder."))
    data_type: Literal["live", "frozen", "delayed", "delayed_frozen"] = Field(default="live", description=(
        "What IB should send: live, frozen, delayed or delayed_frozen."))
    requests_per_second: float = Field(default=40, gt=0, le=1000, description=(
        "How fast to send requests; IB allows 50 at 100 market data lines."))
    market_data_lines: int = Field(default=100, ge=0, description=(
        "Market data lines of the IB account, by which `ticktape plan` says what fits; 0 = no limits, nor "
        "pauses between requests of the same kind."))
    restart_windows: list[str] = Field(default=list(IB_RESTART_WINDOWS), description=(
        "When a lost line is routine, such as your gateway's restart; days are daily, mon or a range: sun-fri."))
    roll_interval_s: float = Field(default=30, gt=0, description="How often, in seconds, rows are written to Parquet.")
    sync_interval_s: float = Field(default=1, gt=0, description=(
        "How often, in seconds, the tape is synced to disk: what a power cut can cost."))
    segment_size_bytes: int = Field(default=256 << 20, ge=1 << 16, description=(
        "Size at which a new segment of the tape is begun."))
    connect_timeout_s: float = Field(default=30, ge=0, description=(
        "How long, in seconds, to try for the first connection; 0 = for ever. Later ones are tried for ever."))
    handshake_timeout_s: float = Field(default=30, gt=0, description=(
        "How long, in seconds, to wait for the gateway's hello; TWS may be asking its user to accept."))
    log_format: Literal["text", "json"] = Field(default="text", description=(
        "What `ticktape record` says: text for people on stderr, or json, an object a line, on stdout."))
    retention: dict[str, int] = Field(default_factory=dict, description=(
        "For how many days to keep what, as in { depth = 30, tape = 90 }; what is not named is kept for ever."))
    alive_ping: SecretStr = Field(default=SecretStr(""), description=(
        "Address asked each minute while rows come or markets are closed, for a service that tells when it ends: text, "
        "env:NAME or file:PATH; empty for none."))
    accounts: Accounts | None = Field(default=None, description=(
        "With this table orders, fills, positions, P&L and values of accounts are recorded too; without it nothing of "
        "accounts is asked for."))
    record: list[RecordBlock] = Field(default_factory=list, description="What to record: streams of instruments.")
    alert: list[AlertBlock] = Field(default_factory=list, description="What to tell, whom, and how.")

    @field_validator("host")
    @classmethod
    def _possible_host(cls, given: str) -> str:
        if re.search(r"[/\s\[\]]|^[^:]*:[^:]*$", given):  # an address of IPv6 has several colons
            raise ValueError(f"{given!r} is no name or address of a machine, such as 127.0.0.1; the port is a setting "
                             "of its own")
        return given

    @field_validator("data", mode="before")
    @classmethod
    def _named_folder(cls, given: Any) -> Any:
        if given == "":
            raise PydanticCustomError("empty_path", "empty")
        try:
            str(given).encode()
        except UnicodeEncodeError:
            raise ValueError(f"{str(given)!a} is no UTF-8: rename the folder, or name another") from None
        return given

    @field_validator("restart_windows")
    @classmethod
    def _readable_windows(cls, given: list[str]) -> list[str]:
        for text in given:
            parse_window(text)
        return given

    @field_validator("alive_ping")
    @classmethod
    def _web_address(cls, given: SecretStr) -> SecretStr:
        return web_address(given) if given else given

    @field_validator("alert")
    @classmethod
    def _told_apart(cls, given: list[AlertBlock]) -> list[AlertBlock]:
        named = [block if block.name else block.model_copy(update={"name": f"alert {number}"})
                 for number, block in enumerate(given, 1)]  # fmt: skip
        names = [block.name for block in named]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two blocks have the name {twice[0]!r}: name one otherwise")
        return named

    @field_validator("retention")
    @classmethod
    def _possible_retention(cls, given: dict[str, int]) -> dict[str, int]:
        if fault := retention_fault(given):
            raise ValueError(fault)
        return given

    def wanted(self) -> list[tuple[Instrument, Stream]]:
        """Return every wanted stream once, in the order of the blocks.

        Raises SettingsError where there is none, and nothing of accounts is wanted either.
        """
        every = {(instrument.word, stream.word): (instrument, stream)
                 for block in self.record for instrument, stream in block.wanted()}  # fmt: skip
        if not every and self.accounts is None:
            raise SettingsError(
                f"nothing to record: name instruments on the command line, or in a [[record]] block of {FILE_NAME}, or "
                "ask there for [accounts]"
            )
        return list(every.values())

    def without_alerts(self) -> "Settings":
        """Return these settings for a recorder that a person looks at while it runs: it tells nobody else."""
        return self.model_copy(update={"alert": [], "alive_ping": SecretStr("")})

    @property
    def tape_root(self) -> Path:
        """The folder that holds the tapes of all recorders."""
        return self.data / TAPE


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Return the settings of a file, overridden by TICKTAPE_* variables, and those by `overrides` that are not None.

    Without `path`, ticktape.toml in the working folder is read where there is one. Raises SettingsError.
    """
    text = _read(path)
    from_file = _parse(text, path or Path(FILE_NAME))
    from_environment = _environment()
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**{**from_file, **from_environment, **given})
    except ValidationError as error:
        problems = [
            f"{_place(problem['loc'], text, path or Path(FILE_NAME), from_environment, given)}: {_explain(problem)}"
            for problem in error.errors(include_url=False)
        ]
        raise SettingsError("\n".join(problems)) from None


def data_folder(path: Path | None = None) -> Path:
    """Return the data folder of TICKTAPE_DATA or of settings, for who only reads: other settings may be wrong.

    Without `path`, these are in ticktape.toml of the working folder. Raises SettingsError.
    """
    found = os.environ.get(f"{PREFIX}DATA")
    if path is not None or found is None:
        in_file = _parse(_read(path), path or Path(FILE_NAME)).get("data")
        found = in_file if found is None else found
    return Path(found) if found and isinstance(found, str) else load_settings(path).data


def template() -> str:
    """Return a commented ticktape.toml with every setting at its default and an example of what to record."""
    lines = ["# Settings of ticktape. TICKTAPE_<NAME> variables and command-line options override them."]
    for name, field in Settings.model_fields.items():
        if name not in _BLOCKS:
            lines += ["", f"# {field.description}", f"{name} = {_toml(field.get_default(call_default_factory=True))}"]
    lines += ["", f"# {Settings.model_fields['accounts'].description}", "# [accounts]"]
    for name, field in Accounts.model_fields.items():
        lines += [f"# {name} = {_toml(field.get_default(call_default_factory=True))}  # {field.description}"]
    lines += ["", f"# {Settings.model_fields['record'].description} Blocks may be repeated.", "# Instruments:"]
    lines += [f"#   {line}" for line in grammar().splitlines()]
    lines += ['#   { symbol = "ES", sec_type = "FUT", exchange = "CME", last_trade_date = "202612" }  by its fields']
    lines += ["# Streams:", *(f"#   {line}" for line in allowed_streams().splitlines())]
    for word in ("AAPL", "EUR.USD"):
        streams = default_streams(parse_instrument(word).contract)
        lines += ["[[record]]", f"instruments = {json.dumps([word])}", f"streams = {json.dumps(streams)}", ""]
    return "\n".join([*lines, *_alert_example()])


def _alert_example() -> list[str]:
    what = [f"{', '.join(GROUPS)}, or of these:", *KINDS]
    thresholds = [kind.threshold for kind in KINDS.values() if kind.threshold]
    return [f"# {Settings.model_fields['alert'].description} Blocks may be repeated; docs/operations.md says more.",
            *(f"#   {line}" for line in wrap(" ".join(what), 100, break_on_hyphens=False)),
            "# From where on it is trouble:",
            *(f"#   {line}" for line in wrap(" ".join(thresholds), 100, break_on_hyphens=False)),
            "# [[alert]]", '# what = ["recording"]', '# webhook = "file:/etc/ticktape/webhook"', ""]  # fmt: skip


# Settings that are tables of their own, [[record]] and [[alert]] once or more, with what each holds.
_BLOCKS: dict[str, type[BaseModel]] = {"record": RecordBlock, "accounts": Accounts, "alert": AlertBlock}

# How settings are written that are neither a number nor a word; variables hold the same as JSON.
_FORMS = {
    "data": "the path of a folder, such as \"data\"",
    "retention": "{ \"depth\" = 30, \"tape\" = 90 } with whole numbers of days; as JSON {\"depth\": 30, \"tape\": 90}",
    "restart_windows": "a list of texts: [\"sat-thu 23:45-01:45 America/New_York\"]",
    "accounts": "[accounts], in brackets, on a line of its own above accounts and streams; as JSON "
                "{\"accounts\": \"all\", \"streams\": [\"positions\"]}",
    "accounts.streams": "a list of at least one: [\"positions\", \"executions\"]",
    "record": "[[record]], with two brackets, on a line of its own above instruments and streams; as JSON "
              "[{\"instruments\": [\"AAPL\"], \"streams\": [\"trades\"]}]",
    "instruments": "a list of at least one: [\"AAPL\", \"EUR.USD\"]",
    "streams": "a list of at least one: [\"trades\", \"quotes\"]",
    "alert": "[[alert]], with two brackets, on a line of its own above what it tells; as JSON "
             "[{\"what\": [\"recording\"], \"command\": [\"/usr/local/bin/tell\"]}]",
    "what": "a list of at least one: [\"recording\", \"fill\"]",
    "command": "a list of program and arguments: [\"/usr/local/bin/tell\", \"--loud\"]",
    "webhook": "an address as one text, env:NAME or file:PATH",
    "alive_ping": "an address as one text, env:NAME or file:PATH",
    "apprise": "a list of addresses, env:NAME or file:PATH, each as one text",
}  # fmt: skip
_WRONG_FORMS = frozenset({"list_type", "too_short", "path_type", "dict_type", "model_type", "model_attributes_type",
                          "empty_path", "string_type"})


def _toml(value: Any) -> str:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(value if isinstance(value, int | float | list | dict) else str(value))


def _read(path: Path | None) -> str:
    try:
        return read_text(path or Path(FILE_NAME))
    except FileNotFoundError:
        if path is None:
            return ""
        raise SettingsError(f"{path} does not exist: `ticktape init` writes one") from None
    except UnreadableTextError as error:
        raise SettingsError(str(error)) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}: a setting is NAME = VALUE, each once, texts in quotes; "
                            "`ticktape init FILE` writes an example") from None


def _environment() -> dict[str, Any]:
    known = list(Settings.model_fields)
    for name in os.environ:
        prefix, setting = name[: len(PREFIX)].upper(), name[len(PREFIX) :].lower()
        if prefix == PREFIX and setting not in known and name != SWITCH:
            raise SettingsError(f"variable {name}: {_unknown(setting, known)}")
    try:
        return EnvSettingsSource(Settings)()
    except EnvironmentValueError as error:
        name = next((one for one in known if f'"{one}"' in str(error)), "")
        raise SettingsError(f"variable {PREFIX}{name.upper()} is not JSON: write {_FORMS[name]}") from None


def _place(
    where: tuple[int | str, ...], text: str, path: Path, environment: Mapping[str, Any], given: Mapping[str, Any]
) -> str:
    """Return where a wrong value came from, for a person who has to find it."""
    name = str(where[0])
    if name in given:
        option = str(where[2]) if len(where) > 2 else name  # of a block: its key
        return f"--{option.replace('_', '-')}"
    if name in environment:
        return f"variable {PREFIX}{name.upper()}"
    keys = [part for part in where if isinstance(part, str)]  # without a block's number, and pydantic's own words
    key = ".".join(keys[: 2 if name in _BLOCKS else 1])
    return f"{path} line {line_of(text, where)}, key {key}"


def _explain(problem: Any) -> str:
    """Return what is wrong with a value and what is allowed."""
    table = str(problem["loc"][0])
    name = next(str(one) for one in reversed(problem["loc"]) if isinstance(one, str))
    if problem["type"] == "extra_forbidden":
        model = _BLOCKS[table] if len(problem["loc"]) > 1 else Settings
        return _unknown(name, list(model.model_fields))
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "string_pattern_mismatch":
        if name == "name":
            return "the name of an alert is at most 64 characters, on one line"
        return f"{problem['input']!r} is no name of a recorder: letters, digits, _ and -, up to 64, not _ or - first"
    if problem["type"] == "missing":
        return f"the block has no {name}"
    if problem["type"] in _WRONG_FORMS and (form := _FORMS.get(f"{table}.{name}") or _FORMS.get(name)):
        return f"write {form}; it is {_shown(name, problem['input'], 60)}"
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}, it is {_shown(name, problem['input'])}"


def _shown(name: str, value: object, most: int | None = None) -> str:
    return "not shown, as it may be secret" if name in SECRETS else repr(value)[:most]


def _unknown(name: str, known: list[str]) -> str:
    return unknown("setting", name, known)
