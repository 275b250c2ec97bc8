"""The `arenas` command as a user runs it: real processes, a real terminal where one is needed."""

import importlib
import inspect
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import time

import pexpect
import pytest
from click.testing import CliRunner

from arenas import baselines
from arenas.cli import app

ARENAS = [sys.executable, "-m", "arenas"]


def run(*args, status=0, **kwargs):
    done = subprocess.run(
        [*ARENAS, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **kwargs,
    )
    assert done.returncode == status, done.stderr
    return done


def test_help_teaches_every_command():
    overview = run("--help").stdout
    commands = ("list", "match", "verify", "exploitability", "play", "train", "completion")
    for command in commands:
        assert f"  {command} " in overview
        shown = CliRunner().invoke(app, [command, "--help"], prog_name="arenas").output
        assert shown.startswith("Usage: arenas")


def examples(command):
    """The lines of a command's docstring that show how it is called."""
    lines = inspect.getdoc(command.callback).splitlines()
    return [line.strip() for line in lines if re.match(r" *(arenas|python -m arenas)", line)]


@pytest.mark.parametrize("name", ["", *app.commands])
def test_examples_in_help_stand_on_lines_of_their_own(name):
    shown = CliRunner().invoke(app, [*([name] if name else []), "--help"]).output
    assert "\\b" not in shown
    command = app.commands[name] if name else app
    lines = [line.strip() for line in shown.splitlines()]
    assert set(examples(command)) <= set(lines)


@pytest.mark.parametrize("algo", [info.name for info in pkgutil.iter_modules(baselines.__path__)])
def test_examples_in_the_help_of_baselines_as_well(algo):
    try:
        command = importlib.import_module(f"arenas.baselines.{algo}").command
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is optional")
    shown = CliRunner().invoke(app, ["train", "--algo", algo, "--help"]).output
    assert "\\b" not in shown
    assert examples(command)
    assert set(examples(command)) <= {line.strip() for line in shown.splitlines()}


def test_version_is_the_package_version():
    import arenas

    assert arenas.__version__ in run("--version").stdout


def test_list_shows_games_options_and_players():
    table = run("list", env={**os.environ, "COLUMNS": "120"}).stdout
    for word in ("KuhnPoker-v0", "TicTacToe-v0", "players=2", "exact", "zero-sum"):
        assert word in table
    games = json.loads(CliRunner().invoke(app, ["list", "--json"]).output)
    assert {game["id"] for game in games} >= {"selfplay/KuhnPoker-v0", "selfplay/TicTacToe-v0"}


def test_match_records_verify_and_the_same_seed_writes_the_same_file(tmp_path):
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        run("match", "KuhnPoker-v0", "--seats", "nash", "random", "-n", 200, "--record", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert f"{files[0]}: 200 verified, 0 refused" in run("verify", files[0]).stdout


def test_match_table_adds_up():
    args = ("match", "TicTacToe-v0", "--seats", "exact", "random", "-n", 100, "--json")
    exact, other = json.loads(run(*args).stdout)
    assert (exact["player"], other["player"]) == ("exact", "random")
    assert exact["matches"] == exact["wins"] + exact["draws"] + exact["losses"] == 100
    assert exact["losses"] == 0
    assert exact["mean"] == (exact["wins"] - exact["losses"]) / 100 == -other["mean"]
    assert exact["mean"] == pytest.approx(sum(exact["by_seat"]) / 2)
    assert 0 < exact["interval"] < 0.2


def test_seats_may_stand_before_the_game_in_either_form():
    plain = run("match", "TicTacToe-v0", "--seats", "random", "random", "-n", 4, "--json")
    repeated = run("match", "-s", "random", "-s", "random", "-n", 4, "--json", "TicTacToe-v0")
    assert plain.stdout == repeated.stdout


def test_options_reach_the_game(tmp_path):
    file = tmp_path / "m.jsonl"
    seats = ["random"] * 3
    run("match", "KuhnPoker-v0", "-o", "players=3", "-o", "hands=2", "--seats", *seats, "-n", 3,
        "--record", file)  # fmt: skip
    record = json.loads(file.read_text().splitlines()[0])
    assert record["options"] == {"players": 3, "hands": 2, "rules": "kuhn-1950"}


def test_a_record_file_is_never_overwritten_unasked(tmp_path):
    file = tmp_path / "m.jsonl"
    args = ("match", "TicTacToe-v0", "--seats", "random", "random", "-n", 2, "--record", file)
    run(*args)
    before = file.read_bytes()
    assert "--append or --overwrite" in run(*args, status=1).stderr
    assert file.read_bytes() == before
    run(*args, "--append")
    assert file.read_bytes() == before * 2
    run(*args, "--overwrite")
    assert file.read_bytes() == before


def test_verify_names_line_and_reason_and_goes_on(tmp_path):
    file = tmp_path / "m.jsonl"
    run("match", "KuhnPoker-v0", "--seats", "nash", "random", "-n", 4, "--record", file)
    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace('"rewards":[', '"rewards":[7', 1)
    lines[2] = "not JSON"
    file.write_text("\n".join(lines) + "\n")
    done = run("verify", file, status=1)
    assert re.search(rf"{file}:2: digest does not fit.*; rewards: recorded \[7", done.stdout)
    assert f"{file}:3: not JSON" in done.stdout
    assert "2 verified, 2 refused" in done.stdout
    (summary,) = map(json.loads, run("verify", file, "--json", status=1).stdout.splitlines())
    assert [each["line"] for each in summary["refused"]] == [2, 3]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["match", "Kuhn-v0", "--seats", "random", "random"], ["Kuhn-v0", "KuhnPoker-v0"]),
        (["match", "KuhnPoker-v0", "--seats", "nsh", "random"], ["nsh", "'nash'", "scripted"]),
        (["match", "KuhnPoker-v0", "--seats", "nash:2", "random"], ["alpha", "[0, 1/3]"]),
        (["match", "KuhnPoker-v0", "--seats", "random"], ["2 players", "got 1"]),
        (["match", "KuhnPoker-v0", "--seats", "random", "random", "-o", "hand=3"], ["'hands'"]),
        (["match", "KuhnPoker-v0", "--seats", "random", "random", "-o", "hands"], ["NAME=VALUE"]),
        (["match", "KuhnPoker-v0", "--seats", "random", "random", "-o", "hands=99"], ["1 to 50"]),
        (["match", "TicTacToe-v0", "--seats", "random", "random", "--illegal", "x"], ["retry:K"]),
        (
            ["match", "TicTacToe-v0", "--seats", "random", "random", "--record", "no/such/x"],
            ["folder"],
        ),
        (["play", "TicTacToe-v0", "--seat", "2"], ["0 to 1"]),
        (["play", "TicTacToe-v0", "--vs", "exact", "-o", "size=5"], ["5x5", "scripted"]),
        (["verify", "no-such-file"], ["no-such-file", "No such file"]),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(args, words, tmp_path):
    done = run(*args, status=1, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    file = tmp_path / "m.jsonl"
    args = ["match", "KuhnPoker-v0", "--seats", "random", "random", "-n", "100000000"]
    process = subprocess.Popen(
        [*ARENAS, *args, "--record", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (file.exists() and file.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    stopped = re.search(r"stopped after (\d+) of 100000000", err)
    assert stopped
    assert "mean reward" in out
    assert f"{stopped[1]} verified, 0 refused" in run("verify", file).stdout


def test_output_into_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{' '.join(ARENAS)} list | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(shell):
    assert "_ARENAS_COMPLETE" in run("completion", shell).stdout


def test_completion_offers_games_and_players():
    def complete(words, index):
        env = {**os.environ, "COMP_WORDS": words, "COMP_CWORD": str(index)}
        return run(env={**env, "_ARENAS_COMPLETE": "bash_complete"}).stdout

    assert "KuhnPoker-v0" in complete("arenas match Ku", 2)
    assert "nash" in complete("arenas match KuhnPoker-v0 --seats n", 4)


@pytest.fixture
def terminal():
    opened = []

    def open_terminal(*args):
        child = pexpect.spawn(ARENAS[0], [*ARENAS[1:], *args], encoding="utf-8", timeout=20)
        opened.append(child)
        return child

    yield open_terminal
    for child in opened:
        child.close(force=True)


def test_a_person_plays_a_whole_match(terminal):
    child = terminal("play", "TicTacToe-v0", "--vs", "exact", "--seed", "3")
    child.expect("You are player_0 against exact")
    while child.expect([r"Free cells: (\d)[^>]*player_0> ", r": a (row of [XO]|draw)\."]) == 0:
        child.sendline(child.match[1])
    child.expect(r"player_0: [+-]\d  \(you\)")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_person_gets_help_legal_moves_rules_and_clear_errors(terminal):
    child = terminal("play", "KuhnPoker-v0", "--vs", "nash", "--seed", "1", "--seat", "1")
    for typed, answer in [
        ("help", "Type a move, or: moves"),
        ("", "Type a move, or: moves"),
        ("moves", r"\[\w+\] \[\w+\]"),
        ("rules", "You are player_1 in Kuhn poker"),
        ("raise", "not possible: the reply names no move"),
        ("[call] [fold] [check] [bet]", "not possible: the reply names"),
    ]:
        child.expect("player_1> ")
        child.sendline(typed)
        child.expect(answer)


@pytest.mark.parametrize("leave", ["quit", "interrupt", "end of input"])
def test_a_person_leaves_without_a_traceback(terminal, leave):
    child = terminal("play", "TicTacToe-v0")
    child.expect("player_0> ")
    if leave == "quit":
        child.sendline("quit")
    elif leave == "interrupt":
        child.sendintr()
    else:
        child.sendeof()
    child.expect("You left before the end")
    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in child.before
    assert child.exitstatus == 130


def test_the_other_players_hidden_card_is_not_printed(terminal):
    child = terminal("play", "KuhnPoker-v0", "--vs", "random", "--seed", "5")
    child.expect("player_0> ")
    own = re.search(r"Your card: (\w)\.", child.before)
    assert own
    assert len(re.findall(r"card: \w", child.before)) == 1
