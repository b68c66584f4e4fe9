"""The HTML of pages: the same around each, and what it begins with as JSON; the rest is made by its script."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Page(NamedTuple):
    """A page: its address, its title, what it shows, and its script in `static/`; whether it is of accounts."""

    path: str
    title: str
    shows: str
    script: str
    of_accounts: bool = False


PAGES = (
    Page("/", "Now", "how it is: recorders, streams, farms, and what is wrong", "now.js"),
    Page("/coverage", "Coverage", "which days of which instrument are there, and what is missing", "coverage.js"),
    Page("/instrument", "Instrument", "price, quotes, volume and book at any moment, gaps shaded", "instrument.js"),
    Page("/account", "Account", "values, positions, profits, exposure and stress of an account, with their ages",
         "account.js", of_accounts=True),
    Page("/sql", "SQL", "questions to the lake, with what they cover", "sql.js"),
    Page("/notices", "Notices", "what IB said, in plain words, and what alerts told", "notices.js"),
    Page("/disk", "Disk", "what is on disk, and for how long it will do", "disk.js"),
)

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · ticktape</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css">
"""


def html_page(page: Page, start: str, pages: Sequence[Page]) -> str:
    """Return a page with the values that its script begins with, as JSON, and links to pages."""
    here = ' aria-current="page"'
    links = "".join(f'<li><a href="{one.path}"{here if one == page else ""}>{escape(one.title)}</a></li>'
                    for one in pages)
    return f"""{_HEAD.format(title=escape(page.title))}<link rel="stylesheet" href="/static/uplot-1.6.32.css">
<script src="/static/uplot-1.6.32.js" defer></script>
<script type="module" src="/static/{page.script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<a class="name" href="/">ticktape</a>
<nav aria-label="Pages"><ul>{links}</ul></nav>
<p id="verdict" role="status"></p>
<p id="clock"></p>
<label class="zone">Times <select id="zone"><option value="utc">UTC</option><option value="exchange">exchange</option>\
</select></label>
</header>
<main id="main" tabindex="-1"><h1>{escape(page.title)}</h1><div id="page"></div></main>
<noscript>This page is made by a script of this machine: allow scripts for it.</noscript>
<script type="application/json" id="start">{embedded(start)}</script>
</body>
</html>
"""


def refused_page(title: str, text: str, *, again: bool = False) -> str:
    """Return a page that says why there is none; `again` gives a link to the same address."""
    link = '<p><a href="">open this page</a></p>' if again else ""
    return (f"{_HEAD.format(title=escape(title))}</head>\n<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>"
            f"{link}</main></body></html>\n")


def embedded(text: str) -> str:
    """Return JSON that cannot end the element that it stands in, whatever texts are in it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
