"""Network policies: illegal moves are impossible, batches change nothing, files are safe."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from arenas.policies.files import replacing  # noqa: E402
from arenas.policies.network import ActorCritic, NetworkPolicy  # noqa: E402


def network(game, seed=0, sharp=1.0):
    """Random weights; `sharp` above 1 makes the policy far from uniform."""
    made = ActorCritic.for_game(game, (16, 16), torch.Generator().manual_seed(seed))
    with torch.no_grad():
        made.actor[-1].weight *= 100 * sharp
    return made


def policy(game_id, seed=0, greedy=False, **options):
    game = arenas.make_game(game_id, **options)
    return NetworkPolicy(game, network(game, seed), greedy=greedy, version=7, game_id=game_id)


def turns(game, n):
    found = []
    for seed in range(n):
        match = Match(game, seed)
        for _ in range(seed % 3):
            if not match.over:
                match.submit(match.awaited[0], game.legal(match.state, match.awaited[0])[0])
        if not match.over:
            found.append(Turn.of(match, match.awaited[0], seed))
    return found


@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0, 1e6))
@settings(max_examples=20)
def test_illegal_actions_have_probability_zero_and_no_gradient_breaks(rows, seed, sharp):
    game = arenas.make_game("TicTacToe-v0")
    net = network(game, seed, sharp)
    rng = np.random.default_rng(seed)
    mask = rng.random((rows, 9)) < 0.5
    mask[np.arange(rows), rng.integers(0, 9, rows)] = True
    views = rng.integers(0, 2, (rows, 3, 3, 3)).astype(np.int8)
    probabilities = NetworkPolicy(game, net).probabilities(views, mask)
    assert (probabilities[~mask] == 0).all()
    assert (probabilities >= 0).all()
    assert np.allclose(probabilities.sum(1), 1, atol=1e-12)
    log_probs = net.log_probs(torch.from_numpy(views.reshape(rows, -1)).float(),
                              torch.from_numpy(mask))  # fmt: skip
    (log_probs.exp() * log_probs).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in net.actor.parameters())


def test_the_first_policy_is_almost_uniform_and_layers_are_orthogonal():
    game = arenas.make_game("TicTacToe-v0")
    net = ActorCritic.for_game(game, (8, 16), torch.Generator().manual_seed(3))
    first = net.actor[0].weight
    assert torch.allclose(first @ first.T, 2 * torch.eye(8), atol=1e-5)
    rows = NetworkPolicy(game, net).distributions(turns(game, 30))
    legal = [[p for p in row if p > 0] for row in rows]
    assert all(max(row) < 1.1 * min(row) for row in legal)
    again = ActorCritic.for_game(game, (8, 16), torch.Generator().manual_seed(3))
    assert torch.equal(again.actor[-1].weight, net.actor[-1].weight)


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_an_answer_does_not_depend_on_its_batch(game_id):
    player = policy(game_id)
    pending = turns(player.game, 400)
    together = player.distributions(pending)
    assert [player.distribution(turn) for turn in pending[::7]] == together[::7]
    assert player.distributions(pending[::-1]) == together[::-1]
    assert player.distributions(pending[5:300]) == together[5:300]
    assert player.distributions([]) == []
    assert player.act([]) == []


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_vector_environments_get_the_same_moves_as_matches(game_id, greedy):
    player = policy(game_id, greedy=greedy)
    env = arenas.make_vec(game_id, 50)
    env.reset(seed=4)
    for step in range(12):
        where = np.arange(50) % 3 != step % 3
        pending = [env.turn(game) for game in np.flatnonzero(where)]
        moves = [reply.move for reply in player.act(pending)]
        assert player.act_in(env, where).tolist() == moves
        env.step(env.sample_actions())


def test_moves_come_as_often_as_the_distribution_says():
    player = policy("TicTacToe-v0")
    (turn,) = turns(player.game, 1)
    n = 10_000
    views, masks = np.stack([turn.view] * n), np.stack([turn.mask] * n)
    drawn = player.actions(views, masks, (np.arange(n) + 0.5) / n)
    shares = np.bincount(drawn, minlength=9) / n
    assert np.abs(shares - player.distribution(turn)).max() <= 1 / n


def test_greedy_play_takes_the_likeliest_move():
    mixed, greedy = policy("TicTacToe-v0"), policy("TicTacToe-v0", greedy=True)
    for turn in turns(mixed.game, 20):
        likeliest = int(np.argmax(mixed.distribution(turn)))
        assert greedy.act([turn])[0].move == likeliest
        assert greedy.distribution(turn)[likeliest] == 1.0


def test_records_do_not_depend_on_how_many_matches_run_at_once():
    player = policy("KuhnPoker-v0")
    runs = [
        [
            r.to_json()
            for r in arenas.play_matches("KuhnPoker-v0", [player, "random"], 40, concurrency=c)
        ]
        for c in (1, 7, 256)
    ]
    assert runs[0] == runs[1] == runs[2]


def test_a_file_gives_the_same_player_back(tmp_path):
    player, path = policy("TicTacToe-v0"), tmp_path / "deep" / "policy.pt"
    player.save(path)
    game = arenas.make_game("TicTacToe-v0")
    twin = arenas.make_player("TicTacToe-v0", f"network:{path}", game)
    assert twin.name == f"network:{path}"
    alias = arenas.make_player("TicTacToe-v0", f"ppo:{path}", game)
    assert (alias.name, alias.version) == (f"ppo:{path}", 7)
    assert (twin.version, twin.game_id, twin.greedy) == (7, "TicTacToe-v0", False)
    pending = turns(game, 50)
    assert twin.distributions(pending) == player.distributions(pending)
    assert arenas.make_player("TicTacToe-v0", f"network:{path}?greedy", game).greedy
    policy("TicTacToe-v0", greedy=True).save(path)
    assert arenas.make_player("TicTacToe-v0", f"network:{path}", game).greedy
    assert not arenas.make_player("TicTacToe-v0", f"network:{path}?mixed", game).greedy
    assert [each.name for each in path.parent.iterdir()] == ["policy.pt"]


class Evil:
    def __reduce__(self):
        return exit, ("executed",)


def test_wrong_files_are_refused_with_the_reason(tmp_path):
    path = tmp_path / "policy.pt"
    policy("TicTacToe-v0").save(path)

    def load(game_id, file=path, **options):
        return NetworkPolicy.load(file, arenas.make_game(game_id, **options))

    with pytest.raises(ValueError, match="policy for TicTacToe, not KuhnPoker"):
        load("KuhnPoker-v0")
    with pytest.raises(ValueError, match=r"size=3.*27 inputs and 9 actions.*75 and 25"):
        load("TicTacToe-v0", size=5)
    with pytest.raises(ValueError, match="there is no file"):
        load("TicTacToe-v0", tmp_path / "missing.pt")
    torn = path.read_bytes()[:3_000]
    for contents in (b"", b"hello", b"no torch file", torn, pickle.dumps(Evil(), protocol=2)):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=r"damaged or no file of PyTorch's: ."):
            load("TicTacToe-v0")
    for contents, words in [
        ({"format": 0}, "no policy file of format 1"),
        ([1], "holds no dictionary"),
        ({"format": 1, "game": "TicTacToe"}, "damaged policy file.*inputs"),
    ]:
        torch.save(contents, path)
        with pytest.raises(ValueError, match=words):
            load("TicTacToe-v0")


def test_a_name_without_a_path_says_how_it_is_written():
    game = arenas.make_game("KuhnPoker-v0")
    for name in ("network", "network:", "network:x.pt?fast"):
        with pytest.raises(ValueError, match=r"network:runs/kuhn/policy\.pt; \?greedy"):
            arenas.make_player("KuhnPoker-v0", name, game)


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "x"
    path.write_text("before")

    def fail():
        with replacing(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_pytorch_is_asked_for_when_it_is_missing():
    script = (
        "import sys; sys.modules['torch'] = None; from arenas.cli import app;"
        "app(sys.argv[1:], 'arenas')"
    )
    for args in (
        ["match", "KuhnPoker-v0", "--seats", "network:x.pt", "random"],
        ["train", "KuhnPoker-v0"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *args], capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == "Error: this needs torch: pip install 'selfplay-arenas[train]'\n"


def test_the_command_line_is_there_without_pytorch():
    script = "import sys, arenas.cli; print({'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
