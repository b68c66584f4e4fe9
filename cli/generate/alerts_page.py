"""docs/alerts.md: how to be told, and of what; its tables are made from those of the code."""

from capture.trouble_kinds import GROUPS, KINDS
from capture.wanted.alert_block import AlertBlock

from .markdown import markdown, page


def alerts_page() -> str:
    """Return what alerts are, what each kind of trouble means, and what to do."""
    return page(
        "Alerts",
        ("capture/trouble_kinds.py", "capture/wanted/alert_block.py", "cli/generate/alerts_page.py"),
        "Blocks of ticktape.toml say what is told, whom, and how. A small process beside the recorder does it; the "
        "same runs apart from recorders as `ticktape alerts run`, and then also tells that none runs.",
        f"```toml\n{_EXAMPLE}\n```",
        "`ticktape alerts test` sends a message by each action and says what came back, `list` shows what was told, "
        "`mute` has nothing told of something for a while.",
        _RULES,
        "## What is told",
        "`what` names kinds of trouble, or many at once: " + ", ".join(f"`{name}`" for name in GROUPS) + ". "
        "[watch.md](watch.md) says of each what it means and what to do. Kinds with a threshold are told only where it "
        "is given. " + _happening(),
        "## Keys of a block",
        markdown(("key", "default", "is"), [(f"`{name}`", _default(name), field.description or "")
                                            for name, field in AlertBlock.model_fields.items()]),
        _MESSAGES)


def _happening() -> str:
    names = ", ".join(f"`{name}`" for name, kind in KINDS.items() if kind.happens)
    return f"Of {names} each is told at once, once, and is never over."


def _default(name: str) -> str:
    field = AlertBlock.model_fields[name]
    value = field.get_default(call_default_factory=True)
    return "" if field.is_required() or value in (None, "", []) else f"`{str(value).lower()}`"


_EXAMPLE = """
alive_ping = "env:ALIVE_PING"            # asked each minute while rows come, or markets are closed

[[alert]]
name = "phone"
what = ["recording"]
disk_below_gb = 20
apprise = ["file:$CREDENTIALS_DIRECTORY/phone"]

[[alert]]
name = "desk"
what = ["fill", "order-rejected", "margin-cushion-below"]
margin_cushion_below = 0.15
for_s = 0
webhook = "http://127.0.0.1:9000/ticktape"
command = ["/usr/local/bin/on-fill", "--loud"]
""".strip()

_RULES = """
- **One message for a trouble.** It is told once it has lasted for `for_s` seconds in all, again only where it got
  worse, and told to be over once it stayed away for `keep_firing_s`. One that comes back within an hour must then stay
  away twice as long, up to an hour: 20 flaps are two messages. Troubles that begin together are one message, and what
  another trouble causes is not told: a lost line, and not its hundred streams.
- **Quiet.** In `restart_windows` a lost line and what follows from it is routine. Streams are silent, and gaps told,
  only while their market is open, by the hours of their contract; a line that is lost is told at all other times. What
  was told before goes on to be told of until it is over.
- **Muted.** When a mute ends, troubles that began meanwhile and last are told, and those that had been told before and
  are over are told to be. What happened once is listed as muted.
- **Failures.** What an action does not take is tried again, later each time, for six hours, while what comes behind it
  waits. A process that is killed goes on where it was; what was under way then is sent again with the same `id`.
- **Secrets.** An address is a text, `env:NAME` for the value of a variable, or `file:PATH` for the first line of a file
  that is not empty and does not begin with `#`; variables in a path are replaced. No log, list, status or error shows
  one. For mail and chat install `ticktape[alerts]`, and take an address of apprise.
- **Accounts.** Fills and rejections are read from the end of the tape, some milliseconds after their bytes came
  ([benchmarks.md](benchmarks.md)), and each execution is told once, over reconnects and restarts. Only what a recorder
  asks for can be told. In words an account is two letters and three digits of it; `facts` have all of it, unless
  accounts are masked.
- **The sign of life.** A recorder cannot report its own death, nor can a machine. `alive_ping` is asked by GET each
  minute while a recorder runs and rows come, all its markets are closed, or its gateway may be restarting; never by a
  timer alone. Let the service that watches it expect one each 60 s, with 180 s of grace, at all hours.
- **Apart.** The process beside a recorder outlives it for a little where that was killed, to say so. What nobody starts
  tells nothing: let the service manager run `ticktape alerts run` as well, or watch the sign of life.
""".strip()

_MESSAGES = """
## Messages

A webhook gets a message by POST as JSON and takes it with any status from 200 to 299; redirects are not followed. A
command gets it as one line on stdin, must end with 0 within 30 s, and is killed then with all that it started.

| field | is |
|---|---|
| `version` | 1; one more where a field changes its meaning |
| `id` | the same where a message is sent again: whoever must not hear it twice looks at it |
| `at` | when it was made, UTC |
| `alert` | the block's name |
| `status` | `firing`, `resolved`, `happened`, or `test` |
| `text` | all of it in words, a line for each trouble |
| `troubles` | a list of what it is about |

Each of `troubles` has `kind`, `key`, `severity` (alarm, warning, routine), `subject`, `name`, `since`, `cause`,
`remedy`, `facts` and `text`. The same `key` is the same trouble.
""".strip()
