"""`arenas corpus`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

import arenas
from arenas.cli.console import INTERRUPTED, err, out, plain_errors, progress
from arenas.cli.parameters import json_option, option_option
from arenas.registry import read_options


@click.group("corpus")
def command() -> None:
    """Keep your own documents for deep search: text, Markdown, HTML and JSONL."""


@command.command("add")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="The corpus to make or to add to.  [the name of SOURCE]")
@click.option("--engine", help="Also build this index: tantivy, sqlite, ...  [what is installed]")
def corpus_add(source: Path, name: str | None, engine: str | None) -> None:
    """Add a folder of documents, or a JSONL file, to a corpus, and index it.

    The corpus is as it was before if this fails or is interrupted.

    \b
    arenas corpus add notes/
    arenas corpus add wiki.jsonl --name wiki
    arenas match DeepSearch-v0 -o corpus=wiki --seats ...
    """  # noqa: D301 - click reads the escape itself
    from arenas.search import corpus as store
    from arenas.search.index import build, default_engine

    with plain_errors():
        named = name or source.stem
        folder = store.corpus_folder(named)
        chosen = engine or default_engine()
        with progress("documents", None, False) as advance:
            made = store.add(folder, store.read_source(source), advance)
        path = made.folder / f"index-{chosen}"
        if not path.exists():
            with progress("indexed", len(made), False) as advance:
                build(path, made, chosen, advance)
    out.print(f"{named}: {len(made):,} documents, {made.fingerprint}")
    out.print(f"play with them: arenas match DeepSearch-v0 -o corpus={named} --seats ...")


@command.command("list")
@json_option
def corpus_list(as_json: bool) -> None:
    """List the corpora that there are."""
    from arenas.search import corpus as store
    from arenas.search.index import IndexCorrupted

    rows: list[dict[str, Any]] = []
    for folder in sorted((store.home() / "corpora").glob("*")):
        try:
            made = store.Corpus(folder)
        except (FileNotFoundError, IndexCorrupted) as error:
            rows.append({"name": folder.name, "problem": str(error)})
            continue
        about = {"documents": len(made), "fingerprint": made.fingerprint}
        rows.append({"name": folder.name, **about})
    if as_json:
        print(json.dumps(rows, indent=2))
    for row in rows if not as_json else ():
        what = row.get("problem") or f"{row['documents']:,} documents, {row['fingerprint']}"
        print(f"{row['name']}: {what}")


@command.command("serve")
@click.option("--host", default="127.0.0.1", help="Where to listen.  [127.0.0.1]")
@click.option("--port", default=8765, type=click.IntRange(0, 65535), help="[8765]")
@option_option
def corpus_serve(host: str, port: int, option: tuple[str, ...]) -> None:
    """Serve an index over HTTP, for DeepSearch-v0 with engine=URL and for other search agents.

    \b
    arenas corpus serve -o documents=100000
    arenas corpus serve -o corpus=wiki --port 9000
    """  # noqa: D301 - click reads the escape itself
    from arenas.search.remote import make_server

    with plain_errors():
        game: Any = arenas.make_game("DeepSearch-v0", **read_options(option))
        server = make_server(game.library.index, game.library.documents, host, port)
    err.print(f"http://{host}:{server.server_address[1]} serves {game.fingerprint}; Ctrl-C ends")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        server.server_close()
