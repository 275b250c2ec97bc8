"""Language models from the command line in games of several roles: all roles are trained."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tensorboard")
pytest.importorskip("matplotlib")

import arenas
from arenas.baselines import spy_language
from arenas.baselines.spiral import training
from arenas.cli import app

SHORT = (
    "--model tiny --no-rules --width 16 --depth 1 --warmup-tokens 2000 --pass-tokens 2000 "
    "--evaluate-every 1 --evaluate-games 2 --final-games 2 --no-nash-conv --seed 1 "
    "--learning-rate 0.02 --vocabulary-matches 16"
)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Runs `arenas train` and gives what was printed, the curve, and prompts that were trained on.

    Only those whose replies had a worth, so that they moved the weights.
    """
    updates = []
    update = training.update

    def kept(model, average, optimizer, samples, *rest):
        updates.append(samples)
        return update(model, average, optimizer, samples, *rest)

    monkeypatch.setattr(training, "update", kept)

    def run(algorithm, arguments, *more):
        updates.clear()
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        line = f"train {arguments} --algo {algorithm} {SHORT} --out {out}"
        done = CliRunner().invoke(app, [*line.split(), *more])
        assert done.exit_code == 0, done.output
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(out / "model")
        prompts = [
            tokenizer.decode(sample.row.ids[: sample.row.prompt])
            for samples in updates
            for sample in samples
            if sample.advantage
        ]
        with (out / "curve.csv").open() as file:
            return done.output, list(csv.DictReader(file)), prompts

    return run


@pytest.mark.slow  # A model is made and trained.
def test_spies_and_civilians_learn_to_speak(trained):
    output, curve, prompts = trained(
        "spiral",
        "Spy-v0 -o scenes=charts -o players=3 -o rounds=1 -o spy_sees=pair --warmup 40 "
        "--warmup-matches 64 --matches 24 --iterations 2 --max-tokens 8",
    )
    for role in ("You are a civilian.", "You are the spy."):
        assert any(role in prompt and "Your clue?" in prompt for prompt in prompts)
    assert any("Who is the spy?" in prompt for prompt in prompts)
    assert not any("Who Is the Spy" in prompt for prompt in prompts)  # The rules are left out.
    assert float(curve[0]["illegal"]) < 0.9
    assert "iteration 1 ended: " in output


@pytest.mark.slow  # A model is made and trained, and tests of projects are run.
def test_injectors_and_solvers_learn(trained):
    projects = json.dumps(["spanset"])
    output, curve, prompts = trained(
        "spiral",
        f"BugRepair-v0 -o projects={projects} -o choices=3 -o solvers=2 -o tries=1 "
        "-o pay=one-minus --vocabulary-matches 3 --warmup 25 --warmup-matches 4 --matches 4 "
        "--iterations 1 --max-tokens 4",
    )
    for role in ("injector_0", "solver_0", "solver_1"):
        assert any(f"You are {role}." in prompt for prompt in prompts)
    assert float(curve[0]["injector_replies"]) == 4
    assert float(curve[0]["solver_replies"]) > 0
    assert "scored" in output


@pytest.mark.slow  # A model is made and trained.
def test_proposers_and_solvers_learn_to_call_tools(trained):
    options = {"engine": "sqlite", "documents": 200, "solvers": 2, "turns": 2, "results": 1,
               "result_chars": 700, "min_searches": 1, "reward": "hump"}  # fmt: skip
    (record,) = arenas.play_matches("DeepSearch-v0", ["scripted:1"] * 3, 1, 2, options=options)
    assert record.evidence["solved"] == [True, True]
    arguments = "".join(f"-o {name}={value} " for name, value in options.items())
    arguments = f"DeepSearch-v0 {arguments}--max-tokens 12 --matches 4 --warmup 40"
    # What is malformed costs something, so that proposers have something to learn.
    _, curve, prompts = trained(
        "spiral",
        f"{arguments} --imitate scripted:1 --warmup-matches 16 --iterations 1 -o invalid=-1",
    )
    assert any("You are proposer_0." in prompt for prompt in prompts)
    assert float(curve[0]["proposer_replies"]) > 0
    # A question that is given is all that a model of this size can learn to answer.
    given = {name: record.evidence[name] for name in ("answer", "question")}
    output, curve, prompts = trained(
        "spiral",
        f"{arguments} --imitate scripted --warmup-matches 1 --iterations 1",
        "-o",
        f"given={json.dumps([given])}",
    )
    assert any("You are solver_1." in prompt for prompt in prompts)
    assert float(curve[0]["solver_illegal"]) < 1
    assert "iteration 1 ended: scored 100.0%" in output


@pytest.mark.slow  # A model is made and trained.
def test_stages_of_the_spy_alternate_on_text(trained):
    _, curve, prompts = trained(
        "spy_language",
        "Spy-v0 -o scenes=charts -o players=3 -o rounds=1 -o spy_sees=pair --warmup 60 "
        "--warmup-matches 64 --matches 24 --iterations 4 --max-tokens 8 --dwell 1 --patience 2",
    )
    kinds = [(float(r["clues_trained"]) > 0, float(r["votes_trained"]) > 0) for r in curve]
    # Votes until patience ends, then clues until the threshold of votes that are not right does.
    assert kinds == [(False, True), (False, True), (True, False), (False, True)]
    assert [float(row["clue_stage"]) for row in curve] == [0, 1, 0, 0]
    assert any("Your clue?" in prompt for prompt in prompts)
    assert any("Who is the spy?" in prompt for prompt in prompts)


def test_stages_take_self_play_of_voting_players_alone(tmp_path):
    for arguments, reason in (
        ("KuhnPoker-v0", "Spy-v0 alone"),
        ("Spy-v0 -o published=v1-code", "only players that vote"),
        ("Spy-v0 --pool-share 0.5", "self-play alone"),
        ("Spy-v0 --found 2", "found=2"),
    ):
        line = f"{arguments} --model tiny --no-nash-conv --out {tmp_path}"
        done = CliRunner().invoke(spy_language.command, line.split())
        assert done.exit_code == 1
        assert reason in done.output
