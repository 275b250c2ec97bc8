"""Records: true ones verify, changed or damaged ones are refused with the line and the reason."""

from __future__ import annotations

import hashlib
import json
import math
import tracemalloc
from functools import partial

import pytest
from cases import CASES, ILLEGAL, Talker
from hypothesis import given
from hypothesis import strategies as st

import arenas
from arenas.core.match import Match
from arenas.core.record import MatchRecord, RecordError, check_line, read_lines, write_records

POLICIES = [policy for policy in ILLEGAL if policy != "raise"]


def line_of(body):
    return json.dumps(body, separators=(",", ":"))


def seal(body):
    """The line of a record whose digest was made to fit again: SHA-256 of all before it."""
    body = {name: value for name, value in body.items() if name != "digest"}
    text = line_of(body)[:-1]
    return f'{text},"digest":"{hashlib.sha256(text.encode()).hexdigest()}"}}'


def verdicts(tmp_path, *lines, end="\n"):
    """What `arenas.verify_file` says of each line of a file: line number to problems."""
    path = tmp_path / "matches.jsonl"
    data = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"\n".join(data) + end.encode())
    return {verdict.line: verdict.problems for verdict in arenas.verify_file(path)}


def matches(game_id, n, seed=0, options=None, **kwargs):
    options = options or {}
    seats = arenas.make_game(game_id, **options).spec.seats
    players = [Talker(0.15), "random", Talker(0.0), "scripted", *["random"] * 4][:seats]
    return list(arenas.play_matches(game_id, players, n, seed, options=options, **kwargs))


@pytest.mark.slow  # Some seconds: ten thousand matches are played, written and played again.
def test_ten_thousand_records_verify(tmp_path):
    path = tmp_path / "matches.jsonl"
    each = math.ceil(10_000 / len(CASES) / len(POLICIES))
    written = 0
    with path.open("w") as file:
        for number, case in enumerate(CASES):
            for illegal in POLICIES:
                game_id, options = case.values
                kwargs = {"illegal": illegal, "max_cycles": 3 if number % 3 == 0 else None}
                records = matches(game_id, each, number, options, **kwargs)
                write_records(records, file)
                written += len(records)
    assert written >= 10_000
    lines = 0
    for verdict in arenas.verify_file(path):
        lines += 1
        assert verdict.line == lines
        assert verdict.problems == []
    assert lines == written


@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_records_survive_json(game_id, options):
    for illegal in POLICIES:
        for record in matches(game_id, 20, options=options, illegal=illegal):
            line = record.to_json()
            assert line.isascii()
            assert "\n" not in line
            assert MatchRecord.from_json(line) == record
            assert MatchRecord.from_json(line).to_json() == line
            assert line == seal(json.loads(line))
            game = arenas.make_game(record.game, **record.options)
            assert record.problems(game) == []
            assert list(record.replay(game).outcome.rewards) == record.rewards


def test_only_finished_matches_make_records():
    with pytest.raises(ValueError, match="finished"):
        MatchRecord.of(Match(arenas.make_game("TicTacToe-v0"), 0), "selfplay/TicTacToe-v0", [])


# -- changed records -------------------------------------------------------------------------------


def kuhn():
    """A hand with an illegal reply in it: `check` by player_1 who faces a bet."""
    match = Match(arenas.make_game("KuhnPoker-v0"), 1, "retry:1")
    for seat, reply in ((0, "[bet]"), (1, "<think>hm</think>[check]"), (1, "[call]")):
        match.reply(seat, reply)
    return json.loads(MatchRecord.of(match, "selfplay/KuhnPoker-v0", ["a", "b"], 7).to_json())


def tictactoe():
    """X wins with 0, 1, 2 against 3, 4."""
    match = Match(arenas.make_game("TicTacToe-v0"), 5)
    for ply, cell in enumerate((0, 3, 1, 4, 2)):
        match.submit(ply % 2, cell)
    return json.loads(MatchRecord.of(match, "selfplay/TicTacToe-v0", ["a", "b"]).to_json())


class Change:
    """Puts, drops or adds a value in a record; `path` leads to it."""

    def __init__(self, how, *path):
        self.how, self.path = how, path

    def __call__(self, body):
        *keys, last = self.path if self.how == "drop" else self.path[:-1]
        for key in keys:
            body = body[key]
        if self.how == "drop":
            del body[last]
        elif self.how == "put":
            body[last] = self.path[-1]
        else:
            body[last].append(self.path[-1])

    def __repr__(self):
        return f"{self.how} {' '.join(repr(part)[:30] for part in self.path)}"


put, drop, add = (partial(Change, how) for how in ("put", "drop", "add"))


DEEP = [[]]
for _ in range(200):
    DEEP = [DEEP]

CHANGES = [
    # what is changed, how, and what the replay says
    (kuhn, put("rewards", [1.0, -1.0]), "rewards: recorded"),
    (kuhn, put("rewards", [2, -2]), "rewards: recorded"),
    (kuhn, put("rewards", 0, 1e300), "rewards: recorded"),
    (kuhn, put("rewards", []), "rewards: recorded"),
    (kuhn, put("seed", 2), "evidence: recorded"),
    (kuhn, put("seed", -1), "a seed lies in"),
    (kuhn, put("seed", 2**63), "a seed lies in"),
    (kuhn, put("turns", 0, "text", "[check]"), "turn 2: the match is over"),
    (kuhn, put("turns", 2, "text", "[fold]"), "rewards: recorded"),
    (kuhn, put("turns", 2, "move", 0), "turns: recorded"),
    (kuhn, put("turns", 1, "move", 0), "turns: recorded"),
    (kuhn, put("turns", 0, "seat", 1), "turn 0: seat 1 is not to move"),
    (kuhn, put("turns", 0, "seat", False), "turn 0"),
    (kuhn, put("turns", 0, "seat", 0.0), "turn 0"),
    (kuhn, put("turns", 0, "seat", "0"), "turn 0"),
    (kuhn, put("turns", 0, "seat", None), "turn 0"),
    (kuhn, put("turns", 0, "text", 5), "turn 0"),
    (kuhn, put("turns", 0, "text", None), "turns: recorded"),
    (kuhn, put("turns", 0, {}), "turn 0 is not a submission"),
    (kuhn, put("turns", 0, [0, 1]), "turn 0 is not a submission of a seat"),
    (kuhn, put("turns", 0, None), "turn 0 is not a submission of a seat"),
    (kuhn, put("turns", 0, "noise", 1), "turns: recorded"),
    (kuhn, put("turns", 1, "illegal", "none of that"), "turns: recorded"),
    (kuhn, put("turns", 1, "played", 1), "turns: recorded"),
    (kuhn, drop("turns", 1, "illegal"), "turns: recorded"),
    (kuhn, drop("turns", 0), "turn 0: seat 1 is not to move"),
    (kuhn, drop("turns", 1), "illegal_moves: recorded"),
    (kuhn, drop("turns", 2), "after 2 turns the match is not over"),
    (kuhn, put("turns", []), "after 0 turns the match is not over"),
    (kuhn, add("turns", {"seat": 0, "move": 1}), "turn 3: the match is over"),
    (kuhn, put("options", "hands", 2), "after 3 turns the match is not over"),
    (kuhn, put("options", "players", 3), "after 3 turns the match is not over"),
    (kuhn, put("options", "players", 9), "players=9"),
    (kuhn, put("options", "rules", "spiral-v1"), "turn 0: seat 0 is not to move"),
    (kuhn, put("options", "rules", "house"), "the sets of rules are"),
    (kuhn, put("options", "jokers", 2), "no option of KuhnPoker-v0 is called 'jokers'"),
    (kuhn, drop("options", "rules"), "options: recorded"),
    (kuhn, put("rules", "2"), "rules version '2', this package plays '1'"),
    (kuhn, put("illegal", "retry:0"), "turn 2: the match is over"),
    (kuhn, put("illegal", "retry:01"), "illegal: recorded"),
    (kuhn, put("illegal", "random-legal"), "turn 2: the match is over"),
    (kuhn, put("illegal", "raise"), "turn 1"),
    (kuhn, put("illegal", "shrug"), "'shrug' is not one of"),
    (kuhn, put("illegal_moves", [0, 0]), "illegal_moves: recorded [0,0], replay gives [0,1]"),
    (kuhn, put("evidence", "chips", [2, -2]), "evidence: recorded"),
    (kuhn, put("evidence", {}), "evidence: recorded"),
    (kuhn, put("evidence", "more", DEEP), "evidence: recorded"),
    (kuhn, put("reason", "fold"), 'reason: recorded "fold"'),
    (kuhn, put("truncated", True), "truncated: recorded true"),
    (kuhn, put("max_cycles", 0), "max_cycles=0"),
    (kuhn, put("max_cycles", -3), "max_cycles=-3"),
    (kuhn, put("seats", ["a"]), "seats"),
    (kuhn, put("seats", ["a", "b", "c"]), "seats"),
    (kuhn, put("game", "selfplay/KuhnPoker-v9"), "Did you mean 'KuhnPoker-v0'?"),
    (kuhn, put("game", "selfplay/TicTacToe-v0"), "no option of TicTacToe-v0"),
    (kuhn, put("game", ""), "no game is called ''"),
    (tictactoe, put("rewards", [-1.0, 1.0]), "rewards: recorded"),
    (tictactoe, put("turns", 4, "move", 5), "after 5 turns the match is not over"),
    (tictactoe, put("turns", 4, "move", 3), "after 5 turns the match is not over"),
    (tictactoe, put("turns", 2, "move", True), "turns: recorded"),
    (tictactoe, put("turns", 2, "move", 1.0), "an action is an integer"),
    (tictactoe, put("turns", 2, "move", "1"), "an action is an integer"),
    (tictactoe, put("turns", 2, "move", None), "an action is an integer"),
    (tictactoe, put("turns", 2, "move", 10**30), "turn 2: an action is an integer of at most"),
    (tictactoe, drop("turns", 2, "move"), "turn 2 is not a submission"),
    (tictactoe, drop("turns", 3), "turn 3: seat 0 is not to move"),
    (tictactoe, put("options", "size", 4), "evidence: recorded"),
    (tictactoe, put("options", "win_length", 4), "win_length=4"),
    (tictactoe, put("max_cycles", 2), "turn 4: the match is over"),
    (tictactoe, put("options", "size", 99), "size=99"),
    (tictactoe, put("options", "size", 3.0), "size=3.0"),
    (tictactoe, put("options", "size", None), "size=None"),
    (tictactoe, put("options", "win_length", [3]), "win_length="),
    (tictactoe, put("evidence", "board", "XXX/.../OO."), "evidence: recorded"),
]


@pytest.mark.parametrize(
    ("make", "change", "reason"),
    [pytest.param(*row, id=f"{row[0].__name__}: {row[1]}") for row in CHANGES],
)
def test_a_changed_record_is_refused_by_digest_and_by_replay(make, change, reason, tmp_path):
    good = make()
    bad = json.loads(line_of(good))
    change(bad)
    found = verdicts(tmp_path, line_of(good), line_of(bad), seal(bad), line_of(good))
    assert found[1] == found[4] == []
    assert found[2][0] == "digest does not fit: the record was changed or damaged"
    assert reason in "; ".join(found[2][1:])
    assert reason in "; ".join(found[3])


SHAPES = [
    # a change that makes it no record, and the reason
    (put("seed", "1"), "seed is a str"),
    (put("seed", True), "seed is a bool"),
    (put("seed", 1.0), "seed is a float"),
    (put("game", 5), "game is a int"),
    (put("rules", 1), "rules is a int"),
    (put("options", []), "options is a list"),
    (put("illegal", None), "illegal is a NoneType"),
    (put("max_cycles", 1.5), "max_cycles is a float"),
    (put("max_cycles", False), "max_cycles is a bool"),
    (put("seats", "ab"), "seats is a str"),
    (put("turns", {}), "turns is a dict"),
    (put("rewards", None), "rewards is a NoneType"),
    (put("reason", []), "reason is a list"),
    (put("truncated", 0), "truncated is a int"),
    (put("illegal_moves", 0), "illegal_moves is a int"),
    (put("evidence", []), "evidence is a list"),
    (put("group", "7"), "group is a str"),
    (put("format", "arenas-record/2"), "this version reads 'arenas-record/1'"),
    (put("format", None), "this version reads 'arenas-record/1'"),
    (put("extra", 1), "unknown ['extra']"),
    (drop("seed"), "missing ['seed']"),
    (drop("evidence"), "missing ['evidence']"),
]


@pytest.mark.parametrize(
    ("change", "reason"), [pytest.param(*row, id=str(row[0])) for row in SHAPES]
)
def test_a_record_of_another_shape_is_refused(change, reason, tmp_path):
    good = kuhn()
    bad = kuhn()
    change(bad)
    found = verdicts(tmp_path, line_of(good), seal(bad), line_of(good))
    assert found[1] == found[3] == []
    assert len(found[2]) == 1
    assert reason in found[2][0]


@pytest.mark.parametrize("seats", [[1, 2], [None, "b"], [["a"], "b"]])
def test_names_of_players_are_strings(seats, tmp_path):
    bad = kuhn()
    bad["seats"] = seats
    assert "seats" in verdicts(tmp_path, seal(bad))[1][0]


def test_a_record_without_digest_is_refused(tmp_path):
    body = kuhn()
    del body["digest"]
    assert "missing ['digest']" in verdicts(tmp_path, line_of(body))[1][0]


DAMAGE = [
    (lambda line: line[:-1], "not JSON"),
    (lambda line: line[: len(line) // 2], "not JSON"),
    (lambda line: line[1:], "not JSON"),
    (lambda line: line + line, "not JSON"),
    (lambda line: b"OK", "not JSON"),
    (lambda line: b"\xff\xfe\x00", "not JSON"),
    (lambda line: b"\x00", "not JSON"),
    (lambda line: b"1" * 5_000, "not JSON"),
    (lambda line: b"[" * 100_000, "not JSON"),
    (lambda line: b'{"a":' * 100_000, "not JSON"),
    (lambda line: b"[" * 500 + b"]" * 500, "not a record"),
    (lambda line: b"[]", "a JSON list, not an object"),
    (lambda line: b"null", "a JSON NoneType, not an object"),
    (lambda line: b'"text"', "a JSON str, not an object"),
    (lambda line: b"{}", "missing"),
    (lambda line: b'{"game": "selfplay/KuhnPoker-v0"}', "missing"),
    (lambda line: line.replace(b"-2.0", b"NaN"), "NaN is not a JSON number"),
    (lambda line: line.replace(b"-2.0", b"-Infinity"), "-Infinity is not a JSON number"),
    (lambda line: line.replace(b"-2.0", b"-2e999"), "digest"),
    (lambda line: line.replace(b'"a"', b'"\xff"'), "not JSON"),
    (lambda line: line.replace(b"{}", b"[]", 1).replace(b"null", b"nul"), "not JSON"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_a_damaged_line_is_refused_and_the_others_verify(damage, reason, tmp_path):
    good = line_of(kuhn()).encode()
    assert damage(good) != good
    found = verdicts(tmp_path, good, damage(good), good)
    assert found[1] == found[3] == []
    assert reason in found[2][0]


def test_a_torn_last_line_is_named_as_such(tmp_path):
    good = line_of(kuhn())
    assert verdicts(tmp_path, good, good[:-20], end="")[2][0].startswith("torn, no newline")
    # A whole record is one, with or without its newline.
    assert verdicts(tmp_path, good, good, end="") == {1: [], 2: []}


def test_blank_lines_are_passed_over_and_counted(tmp_path):
    good = line_of(kuhn())
    assert verdicts(tmp_path, "", good, "  ", "x", "\r", good + "\r") == {
        2: [],
        4: ["not JSON: Expecting value: line 1 column 1 (char 0)"],
        6: [],
    }


def test_nesting_of_any_depth_is_refused(tmp_path):
    body = line_of(kuhn())
    for depth in (50, 300, *range(800, 1_100, 3), 100_000):
        nested = body.replace('"evidence":{', '"evidence":{"x":' + "[" * depth + "]" * depth + ",")
        problem = verdicts(tmp_path, nested)[1][0]
        assert "digest" in problem or "nested" in problem or "recursion" in problem
        with pytest.raises(RecordError):
            MatchRecord.from_json(nested)


# Some changes leave a true record: it tells of another match, or of the same one in other words.
TRUE = {
    "another seed of a game without chance": (tictactoe, put("seed", 6)),
    "other illegal-move policy where nothing was illegal": (tictactoe, put("illegal", "raise")),
    "a limit that was not reached": (tictactoe, put("max_cycles", 3)),
    "other names of the players": (kuhn, put("seats", ["c", "d"])),
    "another group": (kuhn, put("group", None)),
}


@pytest.mark.parametrize(("make", "change"), TRUE.values(), ids=TRUE)
def test_a_changed_record_that_is_itself_true_verifies_once_sealed(make, change, tmp_path):
    bad = make()
    change(bad)
    found = verdicts(tmp_path, line_of(bad), seal(bad))
    assert found == {1: ["digest does not fit: the record was changed or damaged"], 2: []}


# -- large files -----------------------------------------------------------------------------------


def test_a_line_of_100_megabytes_is_refused_in_little_memory(tmp_path):
    path, good = tmp_path / "large.jsonl", line_of(kuhn()).encode() + b"\n"
    with path.open("wb") as file:
        file.write(good + b'{"game": "')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + good)
    tracemalloc.start()
    try:
        found = {verdict.line: verdict.problems for verdict in arenas.verify_file(path)}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == {1: [], 2: ["100000013 bytes in a line, more than 16 MiB"], 3: []}
    assert peak < 64 << 20


def test_lines_up_to_the_limit_are_read(tmp_path):
    path, limit = tmp_path / "long.jsonl", 16 << 20
    path.write_bytes(b"a" * (limit - 1) + b"\n" + b"b" * (limit + 1) + b"\n" + b"c")
    lines = list(read_lines(path))
    assert [number for number, _ in lines] == [1, 2, 3]
    assert len(lines[0][1]) == limit
    assert isinstance(lines[1][1], RecordError)
    assert lines[2][1] == b"c"


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(arenas.verify_file(tmp_path / "none.jsonl"))


# -- any record, any damage ------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
json_objects = st.dictionaries(st.text(), json_values, max_size=3)
records = st.builds(
    MatchRecord,
    game=st.text(),
    rules=st.text(),
    options=json_objects,
    seed=st.integers(),
    illegal=st.text(),
    max_cycles=st.none() | st.integers(),
    seats=st.lists(st.text(), max_size=4),
    turns=st.lists(json_objects, max_size=4),
    rewards=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    reason=st.text(),
    truncated=st.booleans(),
    illegal_moves=st.lists(st.integers(), max_size=4),
    evidence=json_objects,
    group=st.none() | st.integers(),
)


@given(records)
def test_any_record_reads_back(record):
    line = record.to_json()
    assert MatchRecord.from_json(line) == record
    assert MatchRecord.from_json(line.encode()) == record
    assert line.isascii()
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_records_hold_no_infinite_rewards(value):
    record = MatchRecord.from_json(line_of(kuhn()))
    record.rewards[0] = value
    with pytest.raises(ValueError, match="JSON"):
        record.to_json()


LINES = [line_of(kuhn()).encode(), line_of(tictactoe()).encode()]
LINES += [record.to_json().encode() for record in matches("KuhnPoker-v0", 6, seed=3)]


def make_game(game_id, options):
    return arenas.make_game(game_id, **options)


@given(st.sampled_from(LINES), st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_is_noticed(line, place, flip):
    data = bytearray(line)
    data[place % len(data)] ^= flip
    assert check_line(bytes(data), make_game)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x75, 0x80])
def test_a_flip_of_any_byte_is_noticed(flip):
    # Some flips leave the same value in other words: 1.0 is 1e0, \u00e9 is \u00E9.
    for line in LINES:
        assert check_line(line, make_game) == []
        for place in range(len(line)):
            data = line[:place] + bytes([line[place] ^ flip]) + line[place + 1 :]
            assert check_line(data, make_game), data


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="ignore"))
)
def test_no_bytes_do_more_than_fail_to_verify(data):
    assert len(check_line(data, make_game)) == 1
    with pytest.raises(RecordError):
        MatchRecord.from_json(data)
