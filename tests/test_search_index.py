"""Indices and corpora: the same interface for every engine, whole on disk or not there, checked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arenas.cli import app
from arenas.search import corpus as store
from arenas.search.documents import Document
from arenas.search.index import (
    Hit,
    IndexCorrupted,
    build,
    default_engine,
    engine_named,
    merged,
    open_index,
    query_words,
    words,
)
from arenas.search.remote import RemoteError, RemoteIndex, make_server

ENGINES = ("sqlite", "tantivy")


class Shelf:
    """Documents in a list."""

    def __init__(self, documents, fingerprint="shelf-1"):
        self.documents, self.fingerprint = list(documents), fingerprint

    def __len__(self):
        return len(self.documents)

    def __iter__(self):
        return iter(self.documents)

    def document(self, number):
        return self.documents[number]

    def number(self, document_id):
        return next((i for i, d in enumerate(self.documents) if d.id == document_id), None)


TOWNS = ("Ashby", "Corfe", "Dunster", "Eyam", "Frome", "Goole", "Hythe")
SHELF = Shelf(
    Document(f"d{i}", f"{TOWNS[i % 7]} {i}", f"A town on the river {i % 5}, of {i},000 people.")
    for i in range(60)
)


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "tantivy":
        pytest.importorskip("tantivy")
    return request.param


@pytest.fixture
def index(engine, tmp_path):
    build(tmp_path / "index", SHELF, engine)
    opened = open_index(tmp_path / "index", "shelf-1")
    yield opened
    opened.close()


# -- searching -------------------------------------------------------------------------------------


def test_the_document_with_a_title_is_found_first(index):
    assert index.size == 60
    for number in (0, 13, 59):
        hits = index.search(f"{TOWNS[number % 7]} {number}", 3)
        assert hits[0].number == number
        assert len(hits) == 3
        assert hits[0].score >= hits[1].score >= hits[2].score


def test_ties_are_in_the_order_of_the_numbers(index):
    for k in (1, 3, 10, 59):
        hits = index.search("town river people", k)
        assert [hit.number for hit in hits] == list(range(k))


def test_the_same_documents_give_the_same_rankings_in_another_index(index, engine, tmp_path):
    build(tmp_path / "again", SHELF, engine)
    again = open_index(tmp_path / "again")
    for query in ("Ashby", "river 3", "town of 17,000 people", "Goole Hythe 41"):
        assert index.search(query, 7) == again.search(query, 7)
    again.close()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "?!*",
        "zzzyx",
        'Ashby" OR body:*',
        "Ashby AND NOT (river",
        "body:[* TO *]",
        "'; DROP TABLE docs; --",
        "\x00\x01",
        "\ud800",
        "NEAR(Ashby, 3)",
        "a " * 5_000,
        "Ashby " * 5_000,
        "ﬀ Ⅳ ١٢",
    ],
)
def test_any_string_is_a_query_and_none_is_interpreted(index, query):
    hits = index.search(query, 3)
    assert len(hits) <= 3
    if "Ashby" in query:
        assert [hit.number % 7 for hit in hits] == [0, 0, 0]
    if query in ("", "   ", "?!*", "zzzyx"):
        assert hits == []


@pytest.mark.parametrize("k", [0, 1, 60, 1_000])
def test_there_are_at_most_k_hits(index, k):
    assert len(index.search("town", k)) <= min(k, 60)


def test_64_threads_share_an_index(index):
    queries = [f"{TOWNS[i % 7]} {i}" for i in range(60)] * 4
    alone = [index.search(query, 3) for query in queries]
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(lambda query: index.search(query, 3), queries)) == alone


@pytest.mark.parametrize("name", ["dense", "hybrid"])
def test_dense_and_hybrid_retrieval_answer_alike(tmp_path, name):
    pytest.importorskip("sklearn")
    build(tmp_path / "index", SHELF, name)
    index = open_index(tmp_path / "index", "shelf-1")
    hits = index.search("Goole 5", 3)
    assert hits[0].number == 5
    assert hits == index.search("Goole 5", 3)
    assert index.search("zzzyx", 3) == index.search("", 3) == []
    assert len(index.search("town", 1_000)) == 60
    index.close()


def test_grouped_numbers_are_one_word_and_accents_count():
    assert words("12,450 people; 1,234,567 Élan, a,b 1,23") == [
        *("12450", "people", "1234567", "élan", "a", "b", "1", "23"),
    ]
    assert query_words("Who was the founder of the Founder's mill?") == ["founder", "s", "mill"]
    assert query_words("the of") == ["the", "of"]


@given(st.text(max_size=60))
def test_words_of_words_are_the_words(text):
    once = words(text)
    assert words(" ".join(once)) == once


def test_merging_prefers_what_both_rankings_have():
    rankings = [[Hit(7, 1.0), Hit(5, 0.5)], [Hit(5, 9.0), Hit(9, 8.0)]]
    assert [hit.number for hit in merged(rankings, 3)] == [5, 7, 9]
    assert [hit.number for hit in merged(rankings, 1)] == [5]


def test_default_engine_is_installed():
    assert engine_named(default_engine()).engine_version()
    with pytest.raises(ValueError, match="the engines are"):
        engine_named("google")


# -- on disk ---------------------------------------------------------------------------------------


def test_a_changed_file_is_named(index, engine, tmp_path):
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text())
    assert manifest["documents"] == 60
    for name in manifest["files"]:
        file = tmp_path / "index" / name
        whole = file.read_bytes()
        if not whole:
            continue
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(IndexCorrupted, match=rf"{file.name} is damaged.*delete the folder"):
            open_index(tmp_path / "index")
        file.unlink()
        with pytest.raises(IndexCorrupted, match=f"{file.name} is missing"):
            open_index(tmp_path / "index")
        file.write_bytes(whole)
    open_index(tmp_path / "index").close()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "x", "files": {}}', "\xff"])
def test_a_damaged_manifest_is_named(tmp_path, text):
    build(tmp_path / "index", SHELF, "sqlite")
    (tmp_path / "index" / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(IndexCorrupted, match=r"manifest\.json"):
        open_index(tmp_path / "index")


def test_an_index_of_other_documents_is_refused(tmp_path):
    build(tmp_path / "index", SHELF, "sqlite")
    with pytest.raises(IndexCorrupted, match="indexes shelf-1, not shelf-2"):
        open_index(tmp_path / "index", "shelf-2")
    with pytest.raises(FileNotFoundError):
        open_index(tmp_path / "nothing")


def test_progress_counts_every_document(tmp_path):
    counts = []
    build(tmp_path / "index", SHELF, "sqlite", counts.append)
    assert sum(counts) == 60


def test_a_build_that_fails_leaves_nothing(tmp_path, engine):
    class Torn(Shelf):
        def __iter__(self):
            yield from self.documents[:30]
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        build(tmp_path / "index", Torn(SHELF.documents), engine)
    assert list(tmp_path.iterdir()) == []


def test_of_two_builders_the_first_wins_and_both_are_content(tmp_path):
    class Overtaken(Shelf):
        def __iter__(self):
            yield from self.documents
            (tmp_path / "other").rename(tmp_path / "index")

    build(tmp_path / "other", SHELF, "sqlite")
    build(tmp_path / "index", Overtaken(SHELF.documents), "sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    open_index(tmp_path / "index", "shelf-1").close()


KILLED = """
import os, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_search_index import SHELF, Shelf
from arenas.search.index import build
from arenas.search import corpus as store

class Slow(Shelf):
    def __iter__(self):
        for number, document in enumerate(self.documents):
            if number == 40:
                print("half", flush=True)
                time.sleep(60)
            yield document

{what}
"""


def killed(what):
    """Runs code that stops at its fortieth document, and kills it there."""
    code = KILLED.format(tests=str(Path(__file__).parent), what=what)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_build_leaves_no_index_and_the_next_one_is_whole(engine, tmp_path):
    path = tmp_path / "index"
    killed(f"build({str(path)!r}, Slow(SHELF.documents), {engine!r})")
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1  # what it left, beside
    build(path, SHELF, engine)
    assert [left.name for left in tmp_path.iterdir()] == ["index"]
    opened = open_index(path, "shelf-1")
    assert opened.search("Ashby 0", 1)[0].number == 0
    opened.close()


# -- corpora ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENAS_HOME", str(tmp_path / "home"))
    return store.corpus_folder("notes")


def test_a_killed_addition_leaves_the_old_corpus(folder):
    before = store.add(folder, SHELF.documents[:10])
    code = f"store.add({str(folder)!r}, Slow(SHELF.documents))"
    killed(code)
    after = store.Corpus(folder)
    assert (after.fingerprint, list(after)) == (before.fingerprint, SHELF.documents[:10])
    assert list(store.add(folder, SHELF.documents)) == SHELF.documents
    assert not list(folder.glob(".adding-*"))


def test_adding_again_replaces_what_has_the_same_id(folder):
    store.add(folder, SHELF.documents[:3])
    new = Document("d1", "New", "Other words.")
    corpus = store.add(folder, [new, Document("e", "E", "More.")])
    assert [document.id for document in corpus] == ["d0", "d1", "d2", "e"]
    assert corpus.document(1) == new
    assert corpus.number("e") == 3
    assert corpus.number("x") is None


def test_a_corpus_that_was_changed_is_named(folder):
    corpus = store.add(folder, SHELF.documents[:3])
    import sqlite3

    with sqlite3.connect(corpus.folder / "documents.sqlite") as connection:
        connection.execute("UPDATE documents SET text = 'forged' WHERE number = 1")
    connection.close()
    with pytest.raises(IndexCorrupted, match=r"documents\.sqlite is damaged"):
        store.Corpus(folder)
    (corpus.folder / "documents.sqlite").write_bytes(b"nonsense" * 99)
    with pytest.raises(IndexCorrupted, match=r"documents\.sqlite is damaged"):
        store.Corpus(folder)


def test_nothing_to_add_is_an_error_that_changes_nothing(folder):
    with pytest.raises(ValueError, match="no documents to add"):
        store.add(folder, [])
    with pytest.raises(FileNotFoundError, match="arenas corpus add"):
        store.Corpus(folder)


def test_text_markdown_html_and_jsonl_are_read(tmp_path):
    (tmp_path / "a.txt").write_text("Plain text\x07 with a bell.\r\nAnd a line.")
    (tmp_path / "b.md").write_text("# A *title*\n\nSome `code` and [a link](http://x).\n\n- item")
    (tmp_path / "c.html").write_text(
        "<html><head><title>Page</title><style>p{}</style></head>"
        "<body><p>One &amp; two</p><script>alert(1)</script><p>Three</body>"
    )
    lines = [
        {"id": "x/1", "title": "T", "text": "Body <search>x</search>"},
        {"id": 7, "contents": '"First"\nRest'},
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "ignored.png").write_bytes(b"\x89PNG")
    documents = {d.id: d for d in store.read_source(tmp_path)}
    assert documents["a.txt"] == ("a.txt", "a", "Plain text with a bell.\nAnd a line.")
    assert documents["b.md"].title == "A title"
    assert "Some code and a link." in documents["b.md"].text
    assert documents["c.html"].title == "Page"
    assert documents["c.html"].text.split() == ["One", "&", "two", "Three"]
    assert documents["x-1"].text == "Body <search>x</search>"
    assert documents["7"] == ("7", "First", "Rest")
    assert len(documents) == 5


def test_long_documents_are_cut_into_passages_that_hold_every_word():
    text = "\n\n".join(" ".join(f"w{i}x{j}" for j in range(70)) for i in range(20)) + " end " * 500
    found = list(store.passages("long", "Long", text))
    assert [document.id for document in found] == [f"long.{i + 1}" for i in range(len(found))]
    assert all(len(d.text.split()) <= store.PASSAGE_WORDS for d in found)
    assert " ".join(d.text for d in found).split() == text.split()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{", r"a\.jsonl:1 is no JSON"),
        ("a.jsonl", b"[1]", "no JSON object"),
        ("a.jsonl", b'{"title": 5, "text": "x"}', "no strings"),
        ("a.jsonl", b'{"id": [], "text": "x"}', "the id is"),
        ("a.jsonl", b"[" * 100_000, "is no JSON"),
        ("a.txt", b"\xff\xfe\x00", "not UTF-8"),
        ("a.png", b"x", None),
    ],
)
def test_what_is_no_document_is_named(tmp_path, name, content, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(ValueError, match=message or "has no files that end in"):
        list(store.read_source(tmp_path / "in"))


@given(st.text(max_size=200))
def test_clean_text_is_clean(text):
    kept = store.clean(text)
    assert store.clean(kept) == kept
    kept.encode("utf-8")
    assert all(line.isprintable() for line in kept.split("\n"))


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 65, "a b"])
def test_a_corpus_has_a_plain_name(name):
    with pytest.raises(ValueError, match="a name is of letters"):
        store.corpus_folder(name)


def test_the_command_line_adds_and_lists(tmp_path, folder, capsys):
    source = tmp_path / "notes"
    source.mkdir()
    (source / "a.txt").write_text("Something about rivers.")
    for _ in range(2):
        app(["corpus", "add", str(source), "--engine", "sqlite"], standalone_mode=False)
    assert "notes: 1 documents, corpus-" in capsys.readouterr().out
    app(["corpus", "list", "--json"], standalone_mode=False)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["documents"]) == ("notes", 1)
    path = store.Corpus(folder).folder / "index-sqlite"
    assert open_index(path, row["fingerprint"]).search("rivers", 1)[0].number == 0


# -- over HTTP -------------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path):
    build(tmp_path / "index", SHELF, "sqlite")
    index = open_index(tmp_path / "index")
    server = make_server(index, SHELF)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    index.close()


def test_a_remote_index_answers_as_the_index(url, tmp_path):
    local, remote = open_index(tmp_path / "index"), RemoteIndex(url, SHELF)
    for query in ("Ashby 7", "river", "", "\ud800"):
        assert remote.search(query, 5) == local.search(query, 5)
    local.close()


def post(url, payload):
    request = urllib.request.Request(f"{url}/retrieve", payload)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_server_speaks_the_protocol_of_search_agents(url):
    asked = {"queries": ["Ashby 7", "Corfe 8"], "topk": 2, "return_scores": True}
    status, answer = post(url, json.dumps(asked).encode())
    assert status == 200
    assert [rows[0]["document"]["id"] for rows in answer["result"]] == ["d7", "d8"]
    assert answer["result"][0][0]["document"]["contents"].startswith("Ashby 7\nA town")


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"{}", b'{"queries": "x"}', b'{"queries": [5]}', b'{"queries": ["x"], "topk": 0}',
     b'{"queries": []}'],
)  # fmt: skip
def test_the_server_refuses_what_it_cannot_read(url, payload):
    assert post(url, payload)[0] == 400


def test_other_documents_and_absent_servers_are_named(url):
    with pytest.raises(RemoteError, match="serves 'shelf-1', not 'shelf-2'"):
        RemoteIndex(url, Shelf(SHELF.documents, "shelf-2"))
    with pytest.raises(RemoteError, match="about"):
        RemoteIndex("http://127.0.0.1:9", SHELF)
    with pytest.raises(ValueError, match="no http"):
        RemoteIndex("file:///etc/passwd", SHELF)


def test_waiting_is_bounded():
    begun = time.monotonic()
    with pytest.raises(RemoteError):
        RemoteIndex("http://127.0.0.1:9", SHELF, timeout=0.5)
    assert time.monotonic() - begun < 5
