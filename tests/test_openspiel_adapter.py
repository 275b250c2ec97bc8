"""OpenSpiel's games as arenas and ours as OpenSpiel's, by the checkers and algorithms of both."""

from __future__ import annotations

import doctest
import pickle
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from registering import forget_registrations  # noqa: F401

import arenas
from arenas.core.match import Match
from arenas.core.record import MatchRecord
from arenas.core.rng import Rng, draw
from arenas.policies.game_tree import GameTree
from arenas.policies.tabular import TabularPolicy
from arenas.rating.exploitability import nash_conv
from arenas.testing import (
    check_contract,
    check_environments,
    check_game,
    check_information,
    check_records,
)

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is optional")

from arenas.adapters.openspiel import OpenSpielGame, register_games, to_openspiel  # noqa: E402

ID = "OpenSpiel-v0"

RESAMPLED = [
    "tic_tac_toe",  # Perfect information.
    "oware",
    "pig(players=3,winscore=20)",  # Dice during the match, three seats.
    "catch",  # One seat.
    "goofspiel(num_cards=4)",  # Choices at once.
    "goofspiel(num_cards=3,players=3,returns_type=total_points)",  # General sum.
    "markov_soccer(horizon=20)",  # Choices at once, and chance between them.
    "laser_tag(horizon=20)",  # Paid at every step.
    "kuhn_poker(players=3)",  # Cards before the match,
    "leduc_poker",  # and during it.
    "leduc_poker(players=3)",
    "bargaining(max_turns=3)",  # Offers, general sum.
    "universal_poker",
]
"""Games in which what is hidden can be drawn anew."""

ONE_SHOT = ["matrix_pd", "matching_pennies_3p", "blotto(players=3)"]
"""Games whose observation is a single zero, of which PettingZoo's checker warns."""

OTHERS = [
    "hanabi(players=3,colors=2,ranks=2,hand_size=2)",  # Common pay at every step.
    "coop_box_pushing(horizon=10)",
    "liars_dice",
    "phantom_ttt",
    "first_sealed_auction(players=3)",
    "trade_comm(num_items=3)",
    "tiny_hanabi",
    "lewis_signaling",
]


# -- OpenSpiel's games as arenas -------------------------------------------------------------------


@pytest.mark.parametrize("game", RESAMPLED)
def test_games_keep_the_contract(game):
    check_game(ID, matches=3, game=game)


@pytest.mark.parametrize("game", ONE_SHOT)
def test_games_of_one_joint_move_keep_the_contract(game):
    made = arenas.make_game(ID, game=game)
    check_contract(made)
    check_information(made)
    check_records(ID, game=game)


@pytest.mark.parametrize("game", OTHERS)
def test_games_that_cannot_be_resampled_keep_the_rest_of_it(game):
    made = arenas.make_game(ID, game=game)
    check_contract(made, matches=4)
    check_records(ID, 4, game=game)
    check_environments(ID, game=game)
    with pytest.raises(ValueError, match="does not say how to resample"):
        made.resample(made.new(Rng(0)), 0, Rng(0))


def pick(outcomes, word):
    """The chance outcome that a 64-bit word decides."""
    left = (word >> 11) * 2.0**-53 * sum(p for _, p in outcomes)
    for action, p in outcomes:
        left -= p
        if left < 0:
            return action
    return outcomes[-1][0]


@pytest.mark.parametrize("text", [*RESAMPLED, *ONE_SHOT, *OTHERS])
def test_matches_agree_with_openspiel_step_by_step(text):
    game, peer_game = arenas.make_game(ID, game=text), pyspiel.load_game(text)
    rng = random.Random(0)
    hides = peer_game.get_type().information.name == "IMPERFECT_INFORMATION"
    for seed in range(5):
        match, peer, draws = Match(game, seed), peer_game.new_initial_state(), 0
        word = Rng(seed).bits()
        while True:
            while peer.is_chance_node():
                peer.apply_action(pick(peer.chance_outcomes(), draw(word, draws)))
                draws += 1
            assert match.over == peer.is_terminal()
            assert list(game.returns(match.state)) == peer.returns()
            for seat in range(game.spec.seats):
                view = game.view(match.state, seat).ravel().tolist()
                if hides and peer_game.get_type().provides_information_state_tensor:
                    assert view == np.float32(peer.information_state_tensor(seat)).tolist()
                else:
                    assert view == np.float32(peer.observation_tensor(seat)).tolist()
                if peer_game.get_type().provides_information_state_string:
                    told = peer.information_state_string(seat)
                    assert game.info_state(match.state, seat) == told
            if match.over:
                break
            moves = {}
            for seat in match.awaited:
                assert list(game.legal(match.state, seat)) == peer.legal_actions(seat)
                moves[seat] = rng.choice(peer.legal_actions(seat))
            for seat, move in moves.items():
                match.submit(seat, move)
            if len(moves) > 1:
                peer.apply_actions([moves[seat] for seat in range(game.spec.seats)])
            else:
                ((_, move),) = moves.items()
                peer.apply_action(move)
        assert list(match.outcome.rewards) == peer.returns()
        history = [[each.player, each.action] for each in peer.full_history()]
        assert match.outcome.evidence == {"history": history}


@pytest.mark.parametrize("text", ["leduc_poker", "goofspiel(num_cards=4)", "laser_tag(horizon=5)"])
def test_records_replay_and_a_changed_one_is_refused(text):
    game, told = arenas.make_game(ID, game=text), 0
    for record in arenas.play_matches(ID, ["random", "random"], n=4, options={"game": text}):
        again = MatchRecord.from_json(record.to_json())
        assert again.problems(game) == []
        for seed in range(5):
            told += bool(MatchRecord(**{**vars(again), "seed": seed}).problems(game))
    # Now and then another seed draws the same chance.
    assert told > 10


def test_action_strings_are_the_moves_in_words():
    game = arenas.make_game(ID, game="leduc_poker")
    state = game.new(Rng(0))
    assert game.replies(state, 0) == ("[Call]", "[Raise]")
    assert game.parse(state, 0, "<think>[Raise]?</think> call") == 1
    assert "Your legal moves: [Call] [Raise]" in game.tell(state, 0)
    # Where strings have brackets of their own, these become round.
    forward = arenas.make_game(ID, game="markov_soccer")
    replies = forward.replies(forward.new(Rng(0)), 0)
    assert len(set(replies)) == len(replies)
    assert all(reply.count("[") == reply.count("]") == 1 for reply in replies)


def test_games_and_states_are_pickled():
    game = arenas.make_game(ID, game="leduc_poker")
    match = Match(game, 3)
    match.submit(0, 1)
    again, state = pickle.loads(pickle.dumps((game, match.state)))
    assert again.options == game.options
    for each in (match.state, state):
        each = game.apply(game.copy(each), {1: 1})  # The public card is dealt here.
        assert game.key(each) == game.key(game.apply(game.copy(match.state), {1: 1}))


def test_seats_that_choose_at_once_are_several_movers():
    match = Match(arenas.make_game(ID, game="goofspiel(num_cards=4)"), 0)
    assert match.awaited == (0, 1)
    match.submit(1, 3)
    assert match.awaited == (0,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("mfg_crowd_modelling", "mean-field"),
        ("stones_and_gems", "generator of its own"),
        ("coin_game", "no tensor"),
        ("crossword", "cannot be an arena"),
        ("leduc_pokr", "Did you mean 'leduc_poker'"),
        ("leduc_poker(cards=3)", "Unknown parameter"),
        ("misere", "Missing parameter"),
        (3, "the string of an OpenSpiel game"),
    ],
)
def test_what_cannot_be_an_arena_is_refused(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        arenas.make(ID, game=text)


def test_openspiels_python_games_are_found():
    game = arenas.make_game(ID, game="python_tic_tac_toe")
    assert game.spec.seats == 2
    check_contract(game, matches=2)


def test_exact_values_where_chance_comes_first():
    kuhn = arenas.make_game(ID, game="kuhn_poker")
    result = nash_conv(kuhn, arenas.make_player(ID, "random", kuhn))
    assert result.total == pytest.approx(11 / 12, abs=1e-12)
    # The binary sum of the piles is 0, so the second player wins (Bouton 1901).
    nim = arenas.make_game(ID, game="nim(pile_sizes=1;2;3,is_misere=false)")
    best = nash_conv(nim, arenas.make_player(ID, "best-response:random", nim))
    assert best.best[1] == 1
    leduc = arenas.make_game(ID)
    with pytest.raises(ValueError, match="chance during the match"):
        nash_conv(leduc, arenas.make_player(ID, "random", leduc))


def test_tree_search_does_not_lose_to_random_play():
    options = {"game": "tic_tac_toe"}
    players = ["mcts:200", "random"]
    records = list(arenas.play_matches(ID, players, n=20, options=options))
    assert [r.rewards for r in records] == [
        r.rewards for r in arenas.play_matches(ID, players, n=20, options=options, concurrency=3)
    ]
    rewards = [record.rewards[record.seats.index("mcts:200")] for record in records]
    assert min(rewards) >= 0
    assert sum(rewards) > 15
    refused = (("goofspiel", ""), ("2048", ""), ("tic_tac_toe", "1"), ("python_tic_tac_toe", ""))
    for game, argument in refused:
        made = arenas.make_game(ID, game=game)
        with pytest.raises(ValueError, match=r"in turns|at least 2|in Python"):
            arenas.make_player(ID, f"mcts:{argument}", made)


WITHOUT = "import sys; sys.modules['pyspiel'] = None; import arenas; "


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("arenas.make('OpenSpiel-v0')", "pip install selfplay-arenas[openspiel]"),
        ("from arenas.adapters.openspiel import to_openspiel", "selfplay-arenas[openspiel]"),
        ("from arenas.cli import app; app(['list'])", "pip install selfplay-arenas[openspiel]"),
        ("from arenas.cli import app; app(['list', '--json'])", '"missing": "this needs OpenSpiel'),
        (
            "from arenas.cli import app; app(['match', 'OpenSpiel-v0', '--seats', 'a', 'b'])",
            "Error: this needs OpenSpiel",
        ),
    ],
)
def test_without_openspiel_everything_else_works_and_says_what_to_install(code, shown):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, check=False
    )
    words = " ".join((done.stdout + done.stderr).split())
    assert shown in words
    assert ("TicTacToe-v0" in words or "TicTacToe" in words) == ("'list'" in code)


# -- our games as OpenSpiel's ----------------------------------------------------------------------

OURS = [
    ("KuhnPoker-v0", {}),
    ("KuhnPoker-v0", {"players": 3}),
    ("KuhnPoker-v0", {"players": 4}),
    ("KuhnPoker-v0", {"hands": 2}),
    ("KuhnPoker-v0", {"rules": "spiral-v1", "sampled_starts": 20}),
    ("KuhnPoker-v0", {"hands": 50, "sampled_starts": 3}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 5}),
]


@pytest.mark.parametrize(("game_id", "options"), OURS)
def test_our_games_pass_openspiels_simulations(game_id, options):
    game = to_openspiel(game_id, **options)
    pyspiel.random_sim_test(game, num_sims=5, serialize=True, verbose=False)


@pytest.mark.parametrize(("game_id", "options"), OURS)
def test_game_strings_make_the_same_game(game_id, options):
    game = to_openspiel(game_id, **options)
    again = pyspiel.load_game(str(game))
    assert str(again) == str(game)
    own = {name: value for name, value in options.items() if name != "sampled_starts"}
    assert again.arena.options == arenas.make_game(game_id, **own).options
    state = game.new_initial_state()
    while not state.is_terminal():
        state.apply_action(state.legal_actions()[-1])
    thawed = pickle.loads(pickle.dumps(state))
    assert thawed.returns() == state.returns()
    assert str(thawed) == str(state)


def test_registered_games_load_by_name():
    names = register_games()
    assert {"python_arenas_kuhn_poker_v0", "python_arenas_tic_tac_toe_v0"} <= set(names)
    assert not any("open_spiel" in name for name in names)
    game = pyspiel.load_game("python_arenas_kuhn_poker_v0(rules=textarena-0.7.4)")
    # An option that is not given is what the rules say.
    assert game.arena.hands == 3


@pytest.mark.parametrize("players", [2, 3])
def test_our_kuhn_poker_is_openspiels(players):
    ours = to_openspiel("KuhnPoker-v0", players=players)
    peer_game = pyspiel.load_game("kuhn_poker", {"players": players})

    def compare(state, peer):
        assert state.returns() == peer.returns()
        assert state.rewards() == peer.rewards()
        assert state.is_terminal() == peer.is_terminal()
        if not peer.is_terminal():
            for seat in range(players):
                assert state.information_state_string(seat) == peer.information_state_string(seat)
            assert state.current_player() == peer.current_player()
            assert state.legal_actions() == peer.legal_actions()
            for action in peer.legal_actions():
                compare(state.child(action), peer.child(action))

    root = ours.new_initial_state()
    for number, _ in root.chance_outcomes():
        state, peer = root.child(number), peer_game.new_initial_state()
        for seat in range(players):
            peer.apply_action(int(state.information_state_string(seat)))
        compare(state, peer)


def test_tensors_are_our_views():
    game = to_openspiel("TicTacToe-v0")
    state = game.new_initial_state()
    state.apply_action(4)
    for tensor in (state.observation_tensor, state.information_state_tensor):
        view = np.reshape(tensor(1), game.observation_tensor_shape())
        assert view.tolist() == game.arena.view(state.at.state, 1).tolist()
    assert state.action_to_string(1, 3) == "3"
    assert state.string_to_action("3") == 3
    assert "You are O." in state.observation_string(1)


@pytest.mark.parametrize("name", ["CFRSolver", "CFRPlusSolver"])
@pytest.mark.parametrize("language", ["C++", "Python"])
def test_counterfactual_regret_minimisation_solves_our_kuhn_poker(name, language):
    from open_spiel.python.algorithms import cfr, exploitability

    game = to_openspiel("KuhnPoker-v0")
    if language == "C++":
        solver = getattr(pyspiel, name)(pyspiel.convert_to_cached_tree(game))
        iterations = 30_000 if name == "CFRSolver" else 300
    else:
        solver = getattr(cfr, name)(game)
        iterations = 100
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    if language == "C++":
        assert pyspiel.nash_conv(game, solver.average_policy()) < 1e-3
    else:
        found = exploitability.nash_conv(game, solver.average_policy())
        assert found < (0.02 if name == "CFRSolver" else 3e-3)


@pytest.mark.parametrize("players", [2, 3])
def test_openspiels_nash_conv_on_our_games_is_ours(players):
    from open_spiel.python import policy as peer_policy
    from open_spiel.python.algorithms import best_response, exploitability

    peer_game = to_openspiel("KuhnPoker-v0", players=players)
    tree, rng = GameTree(arenas.make_game("KuhnPoker-v0", players=players)), random.Random(0)
    peer, table = peer_policy.TabularPolicy(peer_game), {}
    assert set(peer.state_lookup) == {each.key for each in tree.infosets}
    for key, index in peer.state_lookup.items():
        bet = rng.random()
        peer.action_probability_array[index] = table[key] = (1 - bet, bet)
    ours = nash_conv(tree, TabularPolicy(table))
    assert ours.total == pytest.approx(exploitability.nash_conv(peer_game, peer), abs=1e-9)
    root = peer_game.new_initial_state()
    for seat in range(players):
        best = best_response.BestResponsePolicy(peer_game, seat, peer).value(root)
        assert ours.best[seat] == pytest.approx(best, abs=1e-9)


class Uniform:
    """The evaluator that AlphaZero gives to its search: a value and priors from the tensors."""

    def evaluate(self, state):
        assert np.isfinite(state.observation_tensor()).all()
        return np.zeros(2)

    def prior(self, state):
        mask = np.array(state.legal_actions_mask())
        return [(action, mask[action] / mask.sum()) for action in state.legal_actions()]


@pytest.mark.parametrize("evaluator", ["rollouts", "network"])
def test_openspiels_tree_search_draws_our_tictactoe(evaluator):
    from open_spiel.python.algorithms import mcts

    game, rng = to_openspiel("TicTacToe-v0"), np.random.RandomState(0)
    judge = Uniform() if evaluator == "network" else mcts.RandomRolloutEvaluator(1, rng)
    simulations = 300 if evaluator == "network" else 200
    bots = [mcts.MCTSBot(game, 2, simulations, judge, True, rng) for _ in range(2)]
    state = game.new_initial_state()
    while not state.is_terminal():
        state.apply_action(bots[state.current_player()].step(state))
    assert state.returns() == [0, 0]


def test_games_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="sampled_starts=1000 draws"):
        to_openspiel("KuhnPoker-v0", hands=50)
    with pytest.raises(ValueError, match="sampled_starts=-3"):
        to_openspiel("KuhnPoker-v0", sampled_starts=-3)
    with pytest.raises(ValueError, match="no option"):
        to_openspiel("KuhnPoker-v0", cards=4)
    with pytest.raises(ValueError, match="2, 3 or 4 players"):
        to_openspiel("KuhnPoker-v0", players=9)


@pytest.mark.usefixtures("forget_registrations")
def test_games_of_joint_moves_and_odd_options_are_refused():
    arenas.register("toys/MatchingPennies-v0", "toy_games:MatchingPennies")
    with pytest.raises(ValueError, match="in turn"):
        to_openspiel("toys/MatchingPennies-v0")
    arenas.register("toys/Solvers-v0", "toy_games:Solvers")
    with pytest.raises(ValueError, match="no place in OpenSpiel's game strings"):
        to_openspiel("toys/Solvers-v0")


def test_an_interpreter_with_our_games_in_openspiel_ends_quietly():
    code = (
        "from arenas.adapters.openspiel import to_openspiel; import pyspiel; "
        "game = to_openspiel('KuhnPoker-v0'); tree = pyspiel.convert_to_cached_tree(game)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrapped_game_says_what_it_is():
    assert repr(OpenSpielGame("nim")) == "OpenSpielGame(game='nim')"


def test_the_page_shows_what_happens():
    page = Path(arenas.__file__).parent / "adapters" / "openspiel" / "README.md"
    blocks = re.findall(r"```pycon\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    runner = doctest.DocTestRunner()
    for block in blocks:
        runner.run(doctest.DocTestParser().get_doctest(block, {}, page.name, None, 0))
    assert runner.summarize().failed == 0
