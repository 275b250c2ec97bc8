"""Pictures of matches as arrays: `render_mode="rgb_array"` and `Game.draw`."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import arenas
from arenas.core.game import Game
from arenas.core.picture import PAPER, text_picture
from arenas.core.rng import Rng


def test_every_environment_renders_pixels():
    aec = arenas.make("TicTacToe-v0", render_mode="rgb_array")
    aec.reset(seed=1)
    seat = gymnasium.make("selfplay/TicTacToe-v0", render_mode="rgb_array", seat=0)
    seat.reset(seed=1)
    for picture in (aec.render(), seat.render()):
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3
    before = aec.render()
    aec.step(4)
    after = aec.render()
    assert before.shape == after.shape
    assert not np.array_equal(before, after)
    assert np.array_equal(after, aec.render())
    assert np.array_equal(after, aec.game.draw(aec.match.state))


def test_a_seat_is_drawn_what_it_may_see():
    env = arenas.make("KuhnPoker-v0")
    env.reset(seed=1)
    game, state = env.game, env.match.state
    own, all_of_it = game.draw(state, 0), game.draw(state)
    assert own.shape == all_of_it.shape
    assert not np.array_equal(own, all_of_it)


def test_a_game_without_a_picture_of_its_own_is_drawn_as_text():
    game = arenas.make_game("TicTacToe-v0")
    state = game.new(Rng(0))
    assert np.array_equal(Game.draw(game, state, 0), text_picture(game.show(state, 0)))


@pytest.mark.parametrize("height", [12, 24, 40])
def test_text_is_drawn_a_cell_a_character(height):
    # Columns stay in line: what stands under each other is drawn under each other.
    picture = text_picture("iW.\nW.i", height)
    cell = round(height * 0.6)
    assert picture.shape == (3 * height, 5 * cell, 3)
    empty = text_picture("   \n   ", height)
    assert (empty == PAPER).all()
    above = picture[height // 2 : height * 3 // 2, cell : 2 * cell]
    below = picture[height * 3 // 2 : height * 5 // 2, 3 * cell : 4 * cell]
    assert np.array_equal(above, below)


def test_no_text_is_a_picture_too():
    assert text_picture("").shape[2] == 3


def test_without_pygame_the_error_names_the_extra():
    program = (
        "import sys; sys.modules['pygame'] = None\n"
        "import arenas\n"
        "env = arenas.make('TicTacToe-v0', render_mode='rgb_array'); env.reset(seed=0)\n"
        "env.render()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 1
    assert "pip install 'selfplay-arenas[draw]'" in run.stderr
