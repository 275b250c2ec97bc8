"""What is recorded of a language model's turn is what happened: ids, text, log-probabilities."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("transformers")

import torch
from tiny_language import make_model, make_tokenizer

from arenas.core.policy import Turn
from arenas.core.rng import Rng
from arenas.policies.language import LanguagePolicy, Prompts, Sampling
from arenas.registry import make_game
from arenas.rollout.trajectories import play_trajectories

WAYS = ("free", "constrained", "labels", "scored")
GAMES = ["TicTacToe-v0", ("KuhnPoker-v0", {"hands": 3})]


def policy(moves, template="chatml", model=None, **options):
    options = {"sampling": Sampling(max_tokens=16), **options}
    return LanguagePolicy(model or make_model(), make_tokenizer(template), moves=moves, **options)


def full_logprobs(model, ids, temperature=1.0):
    """Log-probabilities of the next token after each of `ids`: one pass, no padding, no cache."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return (logits / temperature).log_softmax(-1)


def recomputed(model, row, turns):
    """Every completion's log-probabilities, from one pass over the whole row and the candidates."""
    logprobs = full_logprobs(model, row.ids, row.temperature)
    allowed = None if row.kind == "scored" else row.allowed()
    for tokens, (start, end) in zip(turns, row.spans, strict=True):
        assert tuple(row.ids[start:end]) == tokens.completion
        found = []
        for place in range(start, end):
            after = logprobs[place - 1]
            if tokens.kind in ("constrained", "label"):
                after = after - after[list(allowed[place])].logsumexp(0)
            found.append(float(after[row.ids[place]]))
        if tokens.kind == "scored":
            found = [sum_of_scored(model, tokens)]
        yield tokens, found


def naive_scores(model, prompt, candidates):
    """The log-probability of each candidate, one full pass each."""
    sums = []
    for candidate in candidates:
        logprobs = full_logprobs(model, [*prompt, *candidate])
        places = range(len(prompt) - 1, len(prompt) + len(candidate) - 1)
        sums.append(sum(float(logprobs[p, t]) for p, t in zip(places, candidate, strict=True)))
    return torch.tensor(sums, dtype=torch.float64)


def sum_of_scored(model, tokens):
    scored = naive_scores(model, tokens.prompt, tokens.candidates) / tokens.temperature
    return float(scored.log_softmax(0)[tokens.candidates.index(tokens.completion)])


@pytest.mark.parametrize(
    ("template", "temperature"), [("chatml", 1), ("thinking", 0.7), ("strict", 1.3), ("base", 1)]
)
@pytest.mark.parametrize("moves", WAYS)
def test_ids_text_logprobs_and_masks_agree(moves, template, temperature):
    """Over all parameters about a thousand turns."""
    model = make_model()
    player = policy(
        moves, template, model, sampling=Sampling(temperature=temperature, max_tokens=16)
    )
    matches = {"free": 24, "scored": 4}.get(moves, 14)
    turns_seen = 0
    for played in play_trajectories(GAMES, [player, player], matches, seed=3):
        for trajectory in played.seats:
            told = [turn.tokens for turn in trajectory.turns]
            for turn in trajectory.turns:
                said = player.prompts.text(turn.tokens.completion)
                if moves == "labels":
                    number = turn.tokens.candidates.index(turn.tokens.completion)
                    assert said.strip() == player.prompts.labels(9)[number]
                    assert turn.text is None
                else:
                    assert said == turn.text
                turns_seen += 1
            for row in trajectory.rows():
                mine, told = told[: len(row.spans)], told[len(row.spans) :]
                own = [i for i, own in enumerate(row.mask) if own]
                sampled = [token for tokens in mine for token in tokens.completion]
                assert [row.ids[i] for i in own] == sampled
                assert sum(row.mask) == len(sampled)
                assert all(row.logprobs[i] == 0 for i in range(len(row.ids)) if i not in own)
                for tokens, again in recomputed(model, row, mine):
                    recorded = tokens.logprobs
                    if tokens.kind == "scored":
                        recorded = [math.fsum(recorded)]
                    assert list(recorded) == pytest.approx(again, abs=1e-4)
            assert not told
    assert turns_seen > 25


def test_legal_replies_make_one_row_of_a_template_that_only_grows():
    player = policy("scored", "chatml")
    (played,) = play_trajectories("TicTacToe-v0", [player, player], 1, seed=1)
    for trajectory in played.seats:
        (row,) = trajectory.rows()
        assert len(row.spans) == len(trajectory.turns) > 1
    thinking = policy("scored", "thinking")
    (played,) = play_trajectories("TicTacToe-v0", [thinking, thinking], 1, seed=1)
    assert all(len(t.rows()) == len(t.turns) > 1 for t in played.seats)


# -- batched, scored and single decoding -----------------------------------------------------------


def some_turns(number=16):
    turns = []
    for options, rounds in (({}, 4), ({"size": 4}, 3)):
        game = make_game("TicTacToe-v0", **options)
        for seed in range(number // 2):
            state, rng = game.new(Rng(seed)), Rng(seed)
            for _ in range(rng.below(rounds)):
                seat = game.movers(state)[0]
                state = game.play(state, {seat: game.sample(state, seat, rng)})
            turns.append(lambda g=game, s=state, n=seed: Turn(g, s, g.movers(s)[0], Rng(n), n))
    return turns


@pytest.mark.parametrize(
    ("kind", "temperature"), [("llama", 0), ("qwen3", 1), ("mistral", 1), ("gpt2", 0)]
)
@pytest.mark.parametrize("moves", WAYS)
def test_replies_do_not_depend_on_the_batch(moves, kind, temperature):
    def lengths(turn):
        # Rows leave the batch at different times.
        return Sampling(temperature=temperature, max_tokens=2 + 3 * turn.match_id % 11)

    player = policy(moves, model=make_model(kind), sampling=lengths, max_rows=7)
    makers = some_turns()
    alone = [player.act([make()])[0] for make in makers]
    together = player.act([make() for make in makers])
    plain = policy(
        moves, model=player.passes.model, sampling=player.sampling, reuse=False, max_tokens=200
    )
    unshared = plain.act([make() for make in makers])
    for other in (together, unshared):
        for one, many in zip(alone, other, strict=True):
            assert (one.move, one.text) == (many.move, many.text)
            assert one.tokens.prompt == many.tokens.prompt
            assert one.tokens.completion == many.tokens.completion
            assert many.tokens.logprobs == pytest.approx(one.tokens.logprobs, abs=1e-4)
    assert len({reply.tokens.completion for reply in alone}) > 1


@pytest.mark.parametrize("kind", [("qwen3", {}), ("mistral", {"sliding_window": 48})])
@pytest.mark.parametrize("moves", ["free", "constrained"])
def test_greedy_writing_is_the_library_s(moves, kind):
    """The same tokens as `generate` of transformers, one prompt at a time."""
    model = make_model(kind[0], **kind[1])
    player = policy(moves, model=model, sampling=Sampling(temperature=0, max_tokens=10), max_rows=5)
    makers = some_turns()
    for reply in player.act([make() for make in makers]):
        tokens, allowed = reply.tokens, None
        if moves == "constrained":

            def allowed(_, ids, tokens=tokens):
                begun = tuple(ids[len(tokens.prompt) :].tolist())
                left = [c for c in tokens.candidates if c[: len(begun)] == begun]
                return sorted({c[len(begun)] for c in left if len(c) > len(begun)}) or [0]

        output = model.generate(
            torch.tensor([tokens.prompt]),
            attention_mask=torch.ones(1, len(tokens.prompt), dtype=torch.int64),
            do_sample=False,
            max_new_tokens=10,
            eos_token_id=sorted(player.prompts.end_ids),
            prefix_allowed_tokens_fn=allowed,
        )
        assert tuple(output[0, len(tokens.prompt) :].tolist()) == tokens.completion


@pytest.mark.parametrize("moves", ["labels", "scored"])
@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral", "gpt2"])
def test_distributions_are_those_of_scoring_one_by_one(moves, kind):
    model = make_model(kind)
    player = policy(moves, model=model)
    turns = [make() for make in some_turns(12)]
    greedy = policy(moves, model=model, sampling=Sampling(temperature=0)).act(turns)
    for turn, row, best in zip(turns, player.distributions(turns), greedy, strict=True):
        tokens = player.act([turn])[0].tokens
        naive = naive_scores(model, tokens.prompt, tokens.candidates).softmax(0)
        assert [row[move] for move in turn.legal] == pytest.approx(naive.tolist(), abs=1e-5)
        assert sum(row) == pytest.approx(1)
        assert best.tokens.completion == tokens.candidates[int(naive.argmax())]


def test_trees_are_not_scored_in_a_window_that_they_do_not_fit():
    turns = [make() for make in some_turns(4)]
    # A candidate a token does not sit under others, so labels need no tree.
    assert policy("labels", model=make_model("mistral", sliding_window=48)).act(turns)
    with pytest.raises(ValueError, match="sliding window of 48 cannot be scored"):
        policy("scored", model=make_model("mistral", sliding_window=48)).act(turns)


def test_eager_attention_scores_as_sdpa():
    turns = [make() for make in some_turns(12)]
    rows = []
    for attention in ("sdpa", "eager"):
        model = make_model()
        model.set_attn_implementation(attention)
        rows.append(policy("scored", model=model).distributions(turns))
    for one, other in zip(*rows, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_the_situation_alone_decides_where_no_history_is_shown():
    """Turns met in a walk over the game tree have the odds of those met in play."""
    from arenas.core.match import Match

    prompts = Prompts(make_tokenizer(), history=False)
    player = policy("scored", prompts=prompts)
    match = Match(make_game("KuhnPoker-v0"), 1, language=True)
    match.reply(0, "[check]")
    match.reply(1, "[bet]")
    played = player.distribution(Turn.of(match, 0))
    walked = player.distribution(Turn(match.game, match.state, 0, Rng(0)))
    assert played == walked
    with_history = policy("scored")
    assert with_history.distribution(Turn.of(match, 0)) != played
