"""What is going to be asked for about accounts, in words: for `ticktape plan`."""

from capture.wanted.account_settings import Accounts

from .asks import ASKS, Per

_MASTER = ("Orders of other clients are pushed to the master client alone: set Master API client ID to {client_id} in "
           "Configure > API > Settings of TWS or IB Gateway. Without that they are seen every {every_s:g} s, when all "
           "open orders are asked for, and once they are done.")  # fmt: skip
_READ_ONLY = "With Read-Only API (Configure > API > Settings) TWS says nothing about orders."


def accounts_plan(accounts: Accounts | None, client_id: int) -> list[str]:
    """Return sentences on what is asked for, and what other clients' orders need; none where nothing is wanted."""
    if accounts is None:
        return []
    whose = "all accounts of the login" if accounts.every else f"{len(accounts.accounts)} accounts"
    lines = [f"Accounts: {', '.join(accounts.streams)} of {whose}."]
    if polled := _polled(accounts):
        lines.append(f"Asked for again and again: {', '.join(polled)}.")
    if "orders" in accounts.streams:
        lines += [_MASTER.format(client_id=client_id, every_s=accounts.orders_interval_s), _READ_ONLY]
    if "pnl" in accounts.streams and "positions" not in accounts.streams:
        lines.append("P&L of single positions is not asked for: without positions nobody knows which are held.")
    return lines


def _polled(accounts: Accounts) -> list[str]:
    """Return each request that is made again and again, with how often."""
    every = {ask.name: ask.every_s(accounts) for ask in ASKS if ask.stream in accounts.streams and ask.per is Per.LOGIN}
    return [f"{name.removeprefix('req_').replace('_', ' ')} every {every_s:g} s"
            for name, every_s in every.items() if every_s is not None]
