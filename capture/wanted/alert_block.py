"""One [[alert]] block of the settings: what it tells of, from where on, after how long, and by what."""

import json
import re
from pathlib import PurePosixPath
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from capture.suggestion import unknown
from capture.trouble_kinds import GROUPS, KINDS, Kind
from capture.wire.messages.live_streams import TABLE_OF_STREAM

from .streams import parse_stream

BY_VARIABLE, BY_FILE = "env:", "file:"
SECRETS = frozenset({"alert", "webhook", "apprise", "alive_ping"})  # whose values no error shows
_OWN_PREFIX = "TICKTAPE_"


class AlertBlock(BaseModel):
    """One [[alert]] block. Addresses are texts, `env:NAME` or `file:PATH`; see `capture.alerts.addresses`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(default="", pattern=r"^[^\x00-\x1f\x7f]{0,64}$", description="what messages call it")
    what: list[str] = Field(min_length=1, description="kinds of trouble, or all of recording, account, all")
    instruments: list[str] = Field(default_factory=list, description="only of these, as in [[record]] or as symbols")
    streams: list[str] = Field(default_factory=list, description="only of these, as in [[record]]")
    silent_above_s: float | None = Field(default=None, gt=0, description="seconds without a row in an open market")
    coverage_below: float | None = Field(default=None, gt=0, le=1, description="share of the wanted time")
    lag_above_s: float | None = Field(default=None, gt=0, description="seconds")
    disk_below_gb: float | None = Field(default=None, gt=0, description="gigabytes")
    position_above: float | None = Field(default=None, ge=0, description="shares or contracts, long or short")
    day_loss_above: float | None = Field(default=None, ge=0, description="money")
    margin_cushion_below: float | None = Field(default=None, gt=0, le=1, description="share of net liquidation")
    exposure_above: float | None = Field(default=None, ge=0, description="money")
    for_s: float = Field(default=60, ge=0, description="seconds that trouble lasts before it is told")
    keep_firing_s: float = Field(default=300, ge=0, description="seconds without trouble before it is over")
    quiet: bool = Field(default=True, description="whether what is routine in restart windows and outside trading "
                                                  "hours is left out")
    webhook: SecretStr | None = Field(default=None, description="address to which events go as JSON by POST")
    command: list[str] = Field(default_factory=list, description="program and arguments, given the event as JSON")
    apprise: list[SecretStr] = Field(default_factory=list, description="addresses of mail and chat")

    @field_validator("what")
    @classmethod
    def _known_kinds(cls, given: list[str]) -> list[str]:
        for word in given:
            if word not in KINDS and word not in GROUPS:
                raise ValueError(unknown("kind of alert", word, [*KINDS, *GROUPS]))
        return given

    @field_validator("streams")
    @classmethod
    def _known_streams(cls, given: list[str]) -> list[str]:
        for word in given:
            if word not in TABLE_OF_STREAM:  # as the tables name it
                parse_stream(word)
        return given

    @field_validator("webhook")
    @classmethod
    def _web_address(cls, given: SecretStr | None) -> SecretStr | None:
        return given and web_address(given)

    @field_validator("apprise")
    @classmethod
    def _addresses(cls, given: list[SecretStr]) -> list[SecretStr]:
        for one in given:
            _check_reference(one.get_secret_value(), r"[A-Za-z][\w+.-]*://\S+", "an address of apprise, such as "
                             "ntfy://… or mailto://…")
        return given

    @field_validator("command")
    @classmethod
    def _program(cls, given: list[str]) -> list[str]:
        if given and (not given[0].strip() or any("\0" in one for one in given)):
            raise ValueError('write the program and its arguments: ["/usr/local/bin/tell", "--loud"]')
        return given

    @model_validator(mode="after")
    def _thresholds_belong(self) -> Self:
        kinds = self._chosen()
        for name, kind in KINDS.items():
            if kind.threshold and name not in kinds and self.threshold(kind) is not None:
                raise ValueError(f"{kind.threshold} is of {name}, which is not in what: add it there, or leave "
                                 f"{kind.threshold} out")
            if kind.threshold and name in self.what and self.threshold(kind) is None:
                raise ValueError(f"{name} in what needs {kind.threshold} = NUMBER")
        if not (self.webhook or self.command or self.apprise):
            raise ValueError("the block has no action: give it webhook, command or apprise")
        return self

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that this block tells of; of a group those with a threshold only where it is given."""
        return frozenset(name for name in self._chosen()
                         if not KINDS[name].threshold or self.threshold(KINDS[name]) is not None)  # fmt: skip

    def threshold(self, kind: Kind) -> float | None:
        """Return from where on something of a kind is trouble; None where that is not given, or it has no threshold."""
        given: float | None = getattr(self, kind.threshold) if kind.threshold else None
        return given

    def _chosen(self) -> frozenset[str]:
        return frozenset().union(*(GROUPS.get(word, {word}) for word in self.what))


def web_address(given: SecretStr) -> SecretStr:
    """Return what names a web address. Raises ValueError, whose text does not show it."""
    _check_reference(given.get_secret_value(), r"https?://[^\s/]+\S*", "an address that begins with http:// or https://")
    return given


class Telling(NamedTuple):
    """What an alerter is told: its alerts, the address of the sign of life, and since when a new alert tells news."""

    blocks: list[AlertBlock]
    ping: SecretStr
    since_s: float


def spelled(telling: Telling) -> bytes:
    """Return it as JSON, secrets as they were written: to hand to a process by its stdin, and never to show."""
    plain = telling._asdict() | {"blocks": [block.model_dump() for block in telling.blocks]}
    return json.dumps(plain, default=SecretStr.get_secret_value).encode()


def unspelled(said: bytes) -> Telling:
    """Return what `spelled` was given."""
    given = json.loads(said)
    return Telling([AlertBlock(**one) for one in given["blocks"]], SecretStr(given["ping"]), given["since_s"])


def _check_reference(text: str, form: str, words: str) -> None:
    if text.startswith(BY_VARIABLE):
        name = text.removeprefix(BY_VARIABLE)
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ValueError(f"write {BY_VARIABLE}NAME with the name of a variable")
        if name.upper().startswith(_OWN_PREFIX):
            raise ValueError(f"name the variable otherwise: those that begin with {_OWN_PREFIX} are settings")
    elif text.startswith(BY_FILE):
        if not PurePosixPath(text.removeprefix(BY_FILE)).name:
            raise ValueError(f"write {BY_FILE}PATH with the path of a file")
    elif not re.fullmatch(form, text):
        raise ValueError(f"write {words}, {BY_VARIABLE}NAME for the value of a variable, or {BY_FILE}PATH for what a "
                         "file holds; what is there is not shown, as it may be secret")
