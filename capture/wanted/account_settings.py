"""What of accounts a recorder asks for: the [accounts] table of ticktape.toml, without which it asks for nothing."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from capture.suggestion import unknown
from capture.wire.messages.account_requests import ACCOUNT_STREAMS
from capture.wire.messages.message import Permission

Seconds = Annotated[float, Field(ge=5, le=86_400)]


class Accounts(BaseModel):
    """Whose accounts, which streams of them, and how often IB is asked for what it does not push."""

    model_config = ConfigDict(extra="forbid")

    accounts: Literal["all"] | list[str] = Field(default="all", description=(
        "\"all\" that the login has, or names of some."))
    streams: list[str] = Field(default=list(ACCOUNT_STREAMS), min_length=1, description=(
        f"Of {', '.join(ACCOUNT_STREAMS)}."))
    mask_accounts: bool = Field(default=False, description=(
        "Whether rows, status and log have aliases in place of account names; the tape keeps the names."))
    orders_interval_s: Seconds = Field(default=60, description=(
        "How often, in seconds, all open orders are asked for: those of other clients are pushed to the master client "
        "alone."))
    completed_interval_s: Seconds = Field(default=600, description=(
        "How often, in seconds, the orders that are done are asked for."))
    executions_interval_s: Seconds = Field(default=300, description=(
        "How often, in seconds, executions are asked for; besides at connect, and at 23:50 and 00:10 of the gateway."))
    positions_interval_s: Seconds = Field(default=600, description=(
        "How often, in seconds, all positions are asked for anew, to check what was pushed."))

    @field_validator("accounts", mode="before")
    @classmethod
    def _named_accounts(cls, given: object) -> object:
        names = given if isinstance(given, list) else None
        if given != "all" and (not names or not all(isinstance(name, str) and _is_name(name) for name in names)):
            raise ValueError(f'accounts is "all" or a list of account names, ["NAME"]; it is {given!r:.60}')
        return given

    @field_validator("streams")
    @classmethod
    def _known_streams(cls, given: list[str]) -> list[str]:
        for word in given:
            if word not in ACCOUNT_STREAMS:
                raise ValueError(unknown("stream of accounts", word, ACCOUNT_STREAMS))
        return given

    @property
    def every(self) -> bool:
        """Whether all accounts of the login are wanted."""
        return self.accounts == "all"


def permission_for(accounts: Accounts | None) -> Permission:
    """Return what a recorder's connection may ever send: never an order, and what reads accounts only where wanted."""
    return Permission.MARKET_DATA if accounts is None else Permission.MARKET_DATA | Permission.ACCOUNT


def _is_name(name: str) -> bool:
    return name.isascii() and name.isalnum()
