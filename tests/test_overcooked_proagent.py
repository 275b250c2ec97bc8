"""The ProAgent cook: its words, what it checks, remembers and believes, and what it scores."""

import json
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas
from arenas.core.game import IllegalMove
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Turn, answer
from arenas.core.record import MatchRecord
from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked.layouts import CLASSICS
from arenas.games.overcooked.planning import FAR, INTERACT
from arenas.games.overcooked.players.errands import Rota
from arenas.games.overcooked.proagent import ProAgent, RuleReasoner
from arenas.games.overcooked.proagent.cook import MAX_REPLANS, beliefs_of, thoughts_of
from arenas.games.overcooked.proagent.question import Question, SkillChoice
from arenas.games.overcooked.proagent.reasoner import choose
from arenas.games.overcooked.proagent.scene import HATCH, describe, read
from arenas.games.overcooked.skills import WAIT, Skill, done, known
from arenas.games.overcooked.snapshot import DISH, IDLE, LETTERS, SOUP, THINGS, Kitchen
from arenas.registry import make_player

PARTNERS = (
    "random",
    "stay",
    "greedy",
    "onion-only",
    "dish-only",
    "lazy",
    "slow",
    "courier",
)


def play(game, cooks, seed=0, number=400):
    """A match of `number` steps between policies, in step with each other."""
    match = Match(game, seed)
    for _ in range(number):
        turns = [Turn.of(match, seat) for seat in match.awaited]
        for turn, reply in [(turn, cooks[turn.seat].act([turn])[0]) for turn in turns]:
            answer(match, turn.seat, reply)
    return match


def kitchen_of(game):
    return Kitchen(game.layout, game.table)


class Scripted(Policy):
    """Answers with given texts in turn, and keeps what it was asked."""

    def __init__(self, *texts):
        self.texts, self.asked = texts, []

    def act(self, turns):
        replies = []
        for turn in turns:
            replies.append(Reply(text=self.texts[len(self.asked) % len(self.texts)]))
            self.asked.append(turn.told)
        return replies


# -- words -----------------------------------------------------------------------------------------

LAYOUTS = st.sampled_from(
    [*CLASSICS, "counter_circuit_tomato", "mdp_test", "multiplayer_schelling"]
)


@settings(deadline=None, max_examples=100)
@given(LAYOUTS, st.integers(0, 2**32), st.integers(0, 1))
def test_the_words_of_a_scene_say_all_that_the_rota_needs(layout, seed, seat):
    game = Overcooked(layout, starts="everything", dynamics="new")
    kitchen = kitchen_of(game)
    now = kitchen.read(game.new(Rng(seed)).row)
    told, rota = read(describe(kitchen, now, seat, 400, 0)), Rota(kitchen, now)
    assert told.own == seat
    assert [cook.held for cook in told.cooks] == [cook.held for cook in now.cooks]
    assert [cook.idle for cook in told.cooks] == [cook.unproductive for cook in now.cooks]
    for pot, (cell, there) in zip(told.pots, now.pots.items(), strict=True):
        assert (pot.size, pot.left) == (len(there.recipe), there.left)
        missing = rota.missing.get(cell, "")
        assert pot.missing == {t: missing.count(c) for t, c in LETTERS.items() if c in missing}
    for k, cook in enumerate(told.cooks):
        for thing in (*LETTERS, DISH, SOUP):
            cost = rota.cost(k, rota.sources(k, thing))
            assert cook.steps.get(thing, FAR) == cost
        for number, cell in enumerate(kitchen.pots):
            assert cook.steps.get(f"<Pot {number}>", FAR) == rota.cost(k, [cell])
        assert cook.steps.get(HATCH, FAR) == rota.cost(k, kitchen.hatches)


def test_a_scene_reads_like_this():
    game = Overcooked("forced_coordination")
    match = play(game, [make_player("Overcooked-v0", "courier", game)] * 2, number=9)
    kitchen = kitchen_of(game)
    told = describe(kitchen, kitchen.read(match.state.row), 1, 400, 0)
    assert told == "\n".join(
        [
            "Step 9 of 400, 0 points.",
            "<Player 1> (you) holds nothing, and last did something 0 steps ago.",
            "<Player 0> holds nothing, and last did something 0 steps ago.",
            "<Pot 0> has 1 onion, and needs 2 onions.",
            "<Pot 1> is empty, and needs 3 onions.",
            "On counters: 1 onion.",
            "What you cannot use yourself goes over the counters between you: 2 of them are empty, "
            "and there lie ready for the other: 1 onion.",
            "Steps to get to a place and use it:",
            "<Player 0>: onion 2, <Pot 0> 1, <Pot 1> 2, hatch 3, counter 3.",
            "<Player 1>: onion 2, dish 4, counter 2.",
        ]
    )


def choice(layout="cramped_room", **options):
    game = Overcooked(layout, **options)
    return SkillChoice(kitchen_of(game), game)


def test_every_listed_answer_is_read_back():
    game = choice()
    question = Question("", game.skills, game.skills)
    for move in game.legal(question, 0):
        assert game.parse(question, 0, game.format(question, 0, move)) == move
        game.check(question, 0, move)
    assert len(game.legal(question, 0)) == len(game.skills) ** 2
    assert game.movers(game.apply(question, {0: move})) == ()


@pytest.mark.parametrize(
    ("reply", "plan", "intention"),
    [
        ("Plan: [pickup(onion)]", "pickup(onion)", ""),
        ("Plan for Player 0: pickup( 'Onion' ).", "pickup(onion)", ""),
        ("Intention: [pickup(dish)] Plan: [deliver_soup]", "deliver_soup()", "pickup(dish)"),
        (
            "Analysis: they pickup(dish).\nIntention for Player 1: fill_dish_with_soup().\n"
            "Plan for Player 0: put_onion_in_pot(), then pickup(onion).",
            "put_onion_in_pot()",
            "fill_dish_with_soup()",
        ),
        ("<think>Plan: [wait(9)]</think>Plan: [wait(3)]", "wait(3)", ""),
        ("I will go for pickup(dish).", "pickup(dish)", ""),
        ("Plan: [wait(1)]\nOn second thoughts\nPlan: [place_obj_on_counter()]",
         "place_obj_on_counter()", ""),
    ],
)  # fmt: skip
def test_replies_of_models_are_read(reply, plan, intention):
    game = choice()
    assert game.parse(game.new(Rng(0)), 0, reply) == {"plan": plan, "intention": intention}


@pytest.mark.parametrize(
    "reply", ["", "Plan:", "Plan: [fly(away)]", "pickup(dish) or pickup(onion)?", "[]" * 5000]
)
def test_replies_without_a_plan_are_refused(reply):
    game = choice()
    with pytest.raises(IllegalMove, match="Plan"):
        game.parse(game.new(Rng(0)), 0, reply)


def test_the_rules_name_the_skills_of_the_kitchen():
    old, new = choice().brief(0), choice("counter_circuit_tomato", dynamics="new").brief(1)
    assert "start_cooking" not in old
    assert "tomato" not in old
    assert "You plan for <Player 0>, a cook, together with <Player 1>." in old
    for skill in known(kitchen_of(Overcooked("counter_circuit_tomato", dynamics="new"))):
        assert f"- {skill}: " in new
    assert "- wait(n): " in new


# -- checking --------------------------------------------------------------------------------------


def test_a_plan_that_cannot_be_done_is_explained_and_asked_again():
    game = Overcooked()
    reasoner = Scripted(
        "Plan: [deliver_soup()]", "Plan: [put_onion_in_pot()]", "Plan: [pickup(onion)]"
    )
    cook = ProAgent(game, reasoner)
    (reply,) = cook.act([Turn.of(Match(game, 0), 0)])
    assert len(reasoner.asked) == 3
    assert "answer failed" not in reasoner.asked[0]
    why = "deliver_soup() needs a soup in hand, and your hands are empty. Think again."
    assert reasoner.asked[1].endswith(why)
    assert "put_onion_in_pot() needs an onion in hand" in reasoner.asked[2]
    assert why in reasoner.asked[2]
    thoughts = json.loads(reply.text.removeprefix("<think>").partition("</think>")[0])
    assert thoughts["plan"] == "pickup(onion)"
    assert len(thoughts["failed"]) == 2


@pytest.mark.parametrize(
    "reply", ["Plan: [deliver_soup()]", "", "Plan: [wait(21)]", "\x00" * 20_000]
)
def test_a_planner_that_never_finds_a_plan_waits_a_step(reply):
    game, reasoner = Overcooked(horizon=3), Scripted(reply)
    match = play(game, [ProAgent(game, reasoner), make_player("Overcooked-v0", "stay", game)], 0, 3)
    # Asked again at every step, and four times more each time.
    assert len(reasoner.asked) == 3 * (1 + MAX_REPLANS)
    record = MatchRecord.of(match, "Overcooked-v0", ["proagent", "stay"], 0)
    assert [thoughts["plan"] for thoughts in thoughts_of(record, 0)] == [str(WAIT)] * 3


def test_a_wait_is_kept_for_as_long_as_it_was_planned():
    game, reasoner = Overcooked(), Scripted("Plan: [wait(4)]")
    play(game, [ProAgent(game, reasoner), make_player("Overcooked-v0", "stay", game)], 0, 12)
    assert len(reasoner.asked) == 3


def test_a_plan_that_the_other_cook_undoes_is_thought_over():
    """Both bring the third onion; whoever comes second is told what came of it."""
    layout = {
        "grid": ["XXPXX", "O1  O", "X  2X", "XDXSX"],
        "pots": [[2, 0, "oo"]],
        "holding": ["onion"] * 2,
    }
    game, reasoner = Overcooked(layout), Scripted("Plan: [put_onion_in_pot()]", "Plan: [wait(20)]")
    twin = ProAgent(game, Scripted("Plan: [put_onion_in_pot()]"))
    play(game, [twin, ProAgent(game, reasoner)], 0, 12)
    assert len(reasoner.asked) == 2
    assert "put_onion_in_pot() came to nothing: there is no pot with room" in reasoner.asked[1]


# -- beliefs ---------------------------------------------------------------------------------------


def record_with(partner, kitchen="cramped_room", seed=1):
    game = Overcooked(kitchen, horizon=200)
    cooks = [ProAgent(game), make_player("Overcooked-v0", partner, game)]
    return game, MatchRecord.of(play(game, cooks, seed, 200), "Overcooked-v0", ["p", partner], 0)


@pytest.mark.parametrize("partner", ["courier", "random", "greedy"])
def test_what_was_seen_is_what_the_other_cook_did(partner):
    game, record = record_with(partner)
    beliefs = beliefs_of(record, 0)
    assert beliefs
    match, reader, did = Match(game, record.seed), kitchen_of(game), {}
    for turn in record.turns:
        match.submit(turn["seat"], turn["move"])
        now = reader.read(match.state.row)
        skill = done(now.cooks[1].events)
        if skill is not None:
            did[now.tick] = str(skill)
    for belief in beliefs:
        assert did[belief.seen_at] == belief.seen
        assert belief.step < belief.seen_at
        assert belief.held == (belief.expected == belief.seen)


def test_a_partner_that_does_what_is_needed_is_foreseen_and_a_random_one_is_not():
    share = {}
    for partner in ("courier", "random"):
        held = [belief.held for belief in beliefs_of(record_with(partner)[1], 0)]
        share[partner] = fmean(held)
    assert share["courier"] > 0.9
    assert share["random"] < 0.8


def test_a_belief_that_was_wrong_is_told_and_the_plan_thought_over():
    game = Overcooked()
    reasoner = Scripted("Intention: [deliver_soup()]\nPlan: [wait(20)]")
    partner = make_player("Overcooked-v0", "courier", game)
    play(game, [ProAgent(game, reasoner), partner], 0, 15)
    assert 2 <= len(reasoner.asked) <= 6
    told = "you expected deliver_soup() of the other player; it did pickup(onion) instead."
    assert told in reasoner.asked[1]


# -- memory ----------------------------------------------------------------------------------------


def lines(record):
    return [(turn["seat"], turn["move"], turn.get("text")) for turn in record.turns]


def test_matches_do_not_depend_on_how_they_were_batched():
    options = {"kitchen": "coordination_ring", "horizon": 120}
    runs = [
        [lines(record) for record in arenas.play_matches(
            "Overcooked-v0", ["proagent", "greedy"], 6, seed=4, options=options, concurrency=n)]
        for n in (1, 6)
    ]  # fmt: skip
    assert runs[0] == runs[1]


def test_a_memory_of_another_match_is_not_taken_up():
    game = Overcooked("coordination_ring")
    used = ProAgent(game)
    partner = make_player("Overcooked-v0", "courier", game)
    first = play(game, [used, partner], 0, 50)
    # The same number and seat, in the middle of a match with another past.
    other = play(game, [ProAgent(game), make_player("Overcooked-v0", "greedy", game)], 5, 50)
    assert first.state != other.state
    fresh = ProAgent(game)
    assert used.act([Turn.of(other, 0)]) == fresh.act([Turn.of(other, 0)])


def test_the_same_turn_is_not_two():
    """Asked a second time about a step, the cook thinks afresh and neither repeats nor skips."""
    game = Overcooked()
    cook, match = ProAgent(game), Match(game, 0)
    first = cook.act([Turn.of(match, 0)])
    assert cook.act([Turn.of(match, 0)]) == first


# -- scores ----------------------------------------------------------------------------------------


def mean_score(player, partner, options):
    records = arenas.play_matches("Overcooked-v0", [player, partner], 2, options=options)
    return fmean(record.rewards[0] for record in records)


@pytest.mark.parametrize("kitchen", CLASSICS)
def test_two_planners_together_deliver_in_every_classic_kitchen(kitchen):
    for dynamics in ("old", "new"):
        assert mean_score("proagent", "proagent", {"kitchen": kitchen, "dynamics": dynamics}) >= 120


@pytest.mark.slow  # Two players with a partner in five kitchens, both seats: some seconds each.
@pytest.mark.parametrize("partner", PARTNERS)
def test_with_every_partner_it_scores_at_least_as_the_greedy_planner(partner):
    means = {
        player: fmean(mean_score(player, partner, {"kitchen": kitchen}) for kitchen in CLASSICS)
        for player in ("proagent", "greedy")
    }
    assert means["proagent"] >= means["greedy"]


def test_three_cooks_and_one_alone():
    for kitchen in ("cramped_room_single", "multiplayer_schelling"):
        game = Overcooked(kitchen)
        cook = ProAgent(game)
        assert play(game, [cook] * game.spec.seats, 0, 400).totals[0] > 0


# -- other reasoners -------------------------------------------------------------------------------


def test_the_rules_answer_whatever_there_is_to_see():
    """No state leaves the reasoner without a plan that can be read."""
    for seed in range(200):
        game = Overcooked("counter_circuit_tomato", starts="everything", dynamics="new")
        match = Match(game, seed)
        cook = ProAgent(game)
        for seat in (0, 1):
            (reply,) = cook.act([Turn.of(match, seat)])
            assert 0 <= game.parse(match.state, seat, reply.text) <= INTERACT
            told = describe(
                cook.choice_of(game).kitchen, kitchen_of(game).read(match.state.row), seat, 400, 0
            )
            assert isinstance(choose(read(told), seat), Skill)


def test_random_skills_are_worth_less_than_reasoned_ones():
    options = {"kitchen": "cramped_room"}
    assert mean_score("proagent:random", "courier", options) < mean_score(
        "proagent", "courier", options
    )


@pytest.mark.parametrize(
    "name", ["proagent:oracle", "proagent:rules:x", "proagent:random:7", "proagent:language"]
)
def test_planners_that_are_not_there_are_named(name):
    with pytest.raises(ValueError, match=r"who plans is|needs a model"):
        make_player("Overcooked-v0", name, Overcooked())


@pytest.mark.parametrize("moves", ["free", "constrained", "scored"])
def test_a_language_model_plans(moves):
    pytest.importorskip("transformers")
    from tiny_language import make_model, make_tokenizer

    from arenas.policies.language import LanguagePolicy, Sampling

    steps = 3 if moves == "free" else 8
    game = Overcooked(horizon=steps)

    def match():
        model = make_model(max_position_embeddings=8192)
        sampling = Sampling(max_tokens=12)
        reasoner = LanguagePolicy(model, make_tokenizer(), moves=moves, sampling=sampling)
        cooks = [ProAgent(game, reasoner), make_player("Overcooked-v0", "courier", game)]
        return MatchRecord.of(play(game, cooks, 3, steps), "Overcooked-v0", ["p", "courier"], 0)

    record = match()
    plans = [thoughts["plan"] for thoughts in thoughts_of(record, 0) if "plan" in thoughts]
    assert plans
    assert lines(match()) == lines(record)
    if moves == "free":
        # Noise names no plan; the cook waits.
        assert set(plans) == {str(WAIT)}


def test_a_saved_model_plans_by_name(tmp_path):
    pytest.importorskip("transformers")
    from tiny_language import make_model, make_tokenizer

    make_model(max_position_embeddings=8192).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    name = f"proagent:language:{tmp_path}?moves=scored"
    (record,) = arenas.play_matches("Overcooked-v0", [name, "stay"], 1, options={"horizon": 6})
    assert record.seats[0] == name
    assert list(thoughts_of(record, 0))


def test_a_server_plans():
    pytest.importorskip("aiohttp")
    from model_server import ModelServer

    server = ModelServer()
    try:
        name = f"proagent:server:{server.url}?max_tokens=8"
        (record,) = arenas.play_matches("Overcooked-v0", [name, "stay"], 1, options={"horizon": 3})
        assert len(server.asked) >= 3
        assert [thoughts["plan"] for thoughts in thoughts_of(record, 0)]
    finally:
        server.close()


def test_rules_know_nothing_but_the_words():
    """The reasoner gets the text of a turn whose state has no kitchen in it."""
    game = Overcooked()
    kitchen = kitchen_of(game)
    told = describe(kitchen, kitchen.read(game.new(Rng(0)).row), 0, 400, 0)
    choices = SkillChoice(kitchen, game)
    question = Question(told, choices.skills, choices.skills)
    (reply,) = RuleReasoner().act([Turn(choices, question, 0, Rng(0))])
    assert choices.parse(question, 0, reply.text)["plan"] == "pickup(onion)"
    assert set(THINGS[1:]) >= set(read(told).pots[0].missing)
    assert read(told).pots[0].left == IDLE
