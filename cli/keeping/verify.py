"""`ticktape verify`: is everything that reached the tape in the tables, exactly once?"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import nameless_text, say, show_json, size_text
from ..shared.tape_walk import From, Name, Until, chosen, show_findings, span, walk

if TYPE_CHECKING:
    from capture.lake.layout import Layout
    from capture.lake.proof.file_check import Checked
    from capture.lake.proof.verify import Finding, Verifier


def run(
    data: Data = None,
    config: Config = None,
    name: Name = None,
    from_: From = None,
    until: Until = None,
    files: Annotated[bool, typer.Option("--files", help="Read only the files, no tape: quicker.")] = False,
    json: Json = False,
) -> None:
    """Prove that the tables hold what the tape holds.

    Reads every tape from its beginning, decodes it once more and compares: checksums, compressed segments, what each
    mark says, the rows of every range and table with those on disk, files that nothing explains, gaps. Recorders may
    run meanwhile. IB's statements are compared with the rows of their tables. What `ticktape prune` removed is not
    missed; sealed days without tape are compared with what their tape gave when it went. With --from or --until only
    the rows of these ranges, by arrival, are compared. With --files no tape is read: every page of every file is
    compared with its checksum, and with what the file says of its rows; that finds damaged files, not missing ones.
    Rows of market data that name no instrument, faults of ticktape, are counted. The exit code is 3 where anything is
    missing, different or damaged; each finding names its place and the command that repairs it.
    """
    from capture.lake.layout import Layout
    from capture.lake.proof.statement_check import statement_findings
    from capture.lake.proof.verified import write_verified
    from capture.lake.proof.verify import Verifier, foreign, misremembered

    layout = Layout(lake_folder(data, config))
    reports, findings = [], []
    part = span(from_, until)
    if files:
        if not part.everything:
            raise UsageError("--files reads all files: leave --from and --until out")
        _files(layout, chosen(layout, name), json, with_foreign=name is None)
    for recorder in chosen(layout, name):
        verifier = Verifier(layout, recorder, part)
        took_s = walk(f"verifying {recorder}", verifier.ranges())
        findings += verifier.findings
        reports.append(_report(verifier, took_s))
        say(_summary(verifier, took_s))
        if verifier.nameless:
            say(f"{recorder}: {nameless_text(verifier.nameless)}")
    if name is None and part.everything:
        findings += [*foreign(layout), *misremembered(layout), *statement_findings(layout)]
        write_verified(layout, len(findings))
    _end({"recorders": reports}, findings, json)


def _end(report: dict[str, Any], findings: "list[Finding]", json: bool) -> NoReturn:
    if json:
        show_json({"clean": not findings, **report, "findings": [_finding(one) for one in findings]})
    else:
        show_findings([f"{one.problem}: {one.place}\n  {one.detail}\n  repair: {one.repair}" for one in findings]
                      or ["clean"])
    raise typer.Exit(Exit.LOST if findings else Exit.DONE)


def _files(layout: "Layout", recorders: list[str], json: bool, *, with_foreign: bool) -> NoReturn:
    """Read files alone, those of some recorders."""
    from capture.lake.proof.file_check import date_findings, file_findings
    from capture.lake.proof.statement_check import statement_findings
    from capture.lake.proof.verify import foreign, misremembered

    begun_s = time.monotonic()
    checked = list(_checked(layout, recorders))
    size_bytes, rows = sum(one.size_bytes for one in checked), sum(one.rows for one in checked)
    unprotected = sum(not one.protected for one in checked)
    say(f"{len(checked):,} files, {rows:,} rows, {size_text(size_bytes)} read in {time.monotonic() - begun_s:.1f} s")
    if unprotected:
        say(f"{unprotected:,} files were written without checksums: of these only what does not fit together was seen; "
            f"sealing, or `ticktape rebuild --replace`, writes them")
    found = {"files": len(checked), "rows": rows, "size_bytes": size_bytes, "without_checksums": unprotected}
    findings = [*date_findings(layout), *file_findings(layout, checked), *(foreign(layout) if with_foreign else ()),
                *misremembered(layout), *(statement_findings(layout) if with_foreign else ())]
    _end({"read": found}, findings, json)


def _checked(layout: "Layout", recorders: list[str]) -> "Iterator[Checked]":
    from capture.lake.proof.file_check import check_file, queried_files

    for table, path in queried_files(layout):
        if path.name.partition(".")[0] in recorders:
            with suppress(FileNotFoundError):  # sealed or pruned meanwhile
                yield check_file(table, path)


def _report(verifier: "Verifier", took_s: float) -> dict[str, Any]:
    return {
        "recorder": verifier.recorder,
        "rolled_mark": verifier.rolled and verifier.rolled.mark,
        "ranges": verifier.range_count,
        "frames": verifier.frames,
        "rows": verifier.rows,
        "rows_per_second": round(verifier.rows / took_s) if took_s else None,
        "tables": {table: content.as_json() for table, content in sorted(verifier.contents.items())},
        "torn_tails": [{"file": torn.path, "offset": torn.offset, "size_bytes": torn.size_bytes}
                       for torn in verifier.torn],
        "noted_losses": verifier.noted_losses,
        "pruned_rows": verifier.pruned_rows,
        "rows_without_instrument": dict(verifier.nameless),
        "pruned_tape": _pruned_tape(verifier),
    }


def _pruned_tape(verifier: "Verifier") -> dict[str, Any] | None:
    """Return what of a tape is gone, and how many of the rows in sealed days have no tape any more."""
    gone = verifier.pruned_tape
    if gone is None:
        return None
    rows = sum(day.rows for day in gone.days)
    return {"through": gone.through, "before_mark": gone.mark, "frames": gone.frames, "rows": rows}


def _finding(found: "Finding") -> dict[str, str]:
    return {"problem": found.problem, "place": found.place, "detail": found.detail, "repair": found.repair}


def _summary(verifier: "Verifier", took_s: float) -> str:
    torn = f", {len(verifier.torn)} torn tails without loss" if verifier.torn and not verifier.findings else ""
    noted = f", {verifier.noted_losses} losses noted on the tape" if verifier.noted_losses else ""
    gone = _pruned_tape(verifier)
    pruned = f", {gone['rows']:,} rows before {gone['through']} whose tape was pruned" if gone else ""
    pruned += f", {verifier.pruned_rows:,} rows pruned from tables" if verifier.pruned_rows else ""
    return (f"{verifier.recorder}: {verifier.range_count:,} ranges, {verifier.frames:,} frames, {verifier.rows:,} rows "
            f"compared in {took_s:.1f} s ({verifier.rows / max(took_s, 1e-9):,.0f} rows/s){torn}{noted}{pruned}")
