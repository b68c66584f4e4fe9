"""`ticktape recover`: restores what a lake must know of itself, says what damaged tapes lost, and repairs them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import Exit
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import say, show_json
from ..shared.tape_walk import Name, chosen, show_findings

if TYPE_CHECKING:
    from pathlib import Path

    from capture.lake.layout import Layout
    from capture.tape import Loss, TapeReport


def run(
    data: Data = None,
    config: Config = None,
    name: Name = None,
    repair: Annotated[bool, typer.Option("--repair", help="Write clean copies of damaged segments.")] = False,
    json: Json = False,
) -> None:
    """Restore a lake's state, say what damaged tapes have lost, and repair them.

    Where it is missing or wrong up to which date tables are sealed, how far tapes are rolled, or what was pruned, it is
    written anew, as tapes and files tell; what could not be read stays as FILE.bad.

    Names each place with its bytes, records where they can be counted, the time around it, and the frames missing
    before the next mark. --repair puts a copy with a note in place of the damage where a damaged segment was, and keeps
    the segment itself beside it as SEGMENT.bad; its recorder must not run. A torn tail is only the end of what was
    written and needs no repair. The exit code is 3 where something was lost.
    """
    from capture.lake.layout import Layout
    from capture.lake.proof.recover import restore
    from capture.tape import examine

    layout = Layout(lake_folder(data, config))
    losses: list[dict[str, Any]] = []
    recorders = chosen(layout, name)
    for restored in restore(layout, recorders):
        say(f"restored {restored}")
    for recorder in recorders:
        with _held(layout, recorder) if repair else nullcontext():
            report = examine(layout.tape / recorder)
            found = [_loss(recorder, report.folder, loss) for loss in report.losses]
            if repair:
                _repair(report)
        say(f"{recorder}: {len(report.segments):,} segments, {report.records:,} records, {len(report.losses)} damaged "
            "places")
        losses += found
    if json:
        show_json(losses)
    else:
        show_findings([_line(loss) for loss in losses] or ["nothing is lost"])
    raise typer.Exit(Exit.LOST if any(loss["lost"] for loss in losses) else Exit.DONE)


@contextmanager
def _held(layout: "Layout", recorder: str) -> Iterator[None]:
    """Keep a tape from being written and rolled."""
    from capture.lake.process_lock import roller_lock
    from capture.tape import recording_lock

    with recording_lock(layout.tape / recorder), roller_lock(layout, recorder):
        yield


def _repair(report: "TapeReport") -> None:
    from capture.tape import repair

    for found in report.segments:
        if any(not loss.torn for loss in found.losses):
            say(f"repaired {found.segment.path}, which lies beside it as {repair(found).name} now")


def _loss(recorder: str, folder: "Path", loss: "Loss") -> dict[str, Any]:
    from capture.lake.ranges import lost_frames

    frames = None if loss.mark is None else lost_frames(folder, loss.mark)
    return {
        "recorder": recorder, "file": loss.damage.path, "offset": loss.damage.offset, "reason": loss.damage.reason,
        "size_bytes": loss.damage.size_bytes, "records": loss.records, "after_mark": loss.mark,
        "frames_before_next_mark": frames,
        "from": loss.before and _time(loss.before.wall_ns), "to": loss.after and _time(loss.after.wall_ns),
        "torn": loss.torn, "lost": not loss.torn or bool(frames),
    }  # fmt: skip


def _line(loss: dict[str, Any]) -> str:
    kind = "torn tail" if loss["torn"] else "damaged"
    records = "an unknown number of" if loss["records"] is None else loss["records"]
    frames = loss["frames_before_next_mark"]
    missing = "up to the next mark" if frames is None else f"{frames:,} frames are missing before the next mark"
    return (f"{kind}: {loss['file']} offset {loss['offset']}: {loss['size_bytes']:,} bytes, {records} records, "
            f"{loss['reason']}\n  between {loss['from'] or 'the beginning'} and {loss['to'] or 'the end'}, "
            f"after mark {loss['after_mark']}: {missing}")


def _time(wall_ns: int) -> datetime:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC)
