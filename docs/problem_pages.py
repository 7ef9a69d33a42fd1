"""A page per error code on the site, under the path that the `type` of a problem names; each leads to the page of errors."""

import tomllib
from pathlib import Path
from typing import Any

REDIRECT = '<!doctype html><meta http-equiv="refresh" content="0; url=../../errors/#{code}"><a href="../../errors/#{code}">{code}</a>\n'


def on_post_build(config: Any) -> None:
    """Called by MkDocs when the site is built."""
    codes = tomllib.loads((Path(config["docs_dir"]) / "errors.toml").read_text())
    for code in codes:
        folder = Path(config["site_dir"]) / "problems" / code
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(REDIRECT.format(code=code))
