"""Records to look at: replay, page, film, terminal."""

from __future__ import annotations

import base64
import io
import json
import math
import subprocess

import numpy as np
import pytest
from browser import chromium
from cases import Talker
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from spelling import Spelling

import arenas
from arenas.cli import app
from arenas.core.record import MatchRecord
from arenas.rollout.trajectories import play_trajectories
from arenas.rollout.trajectory_files import write_jsonl
from arenas.ui.watch.blocks import SIDE, Blocks
from arenas.ui.watch.replay import Replay, load

pytest.importorskip("pygame")


def written(path, game_id, players, n=1, seed=0, **settings):
    """A file of records."""
    records = list(arenas.play_matches(game_id, players, n, seed, **settings))
    path.write_text("".join(record.to_json() + "\n" for record in records), "ascii")
    return path


# -- replay ----------------------------------------------------------------------------------------


def test_steps_are_moves_and_their_words_are_the_replies(tmp_path):
    replay = load(written(tmp_path / "r", "TicTacToe-v0", ["exact", "random"]), 1)
    record = replay.record
    assert len(replay.steps) == 1 + len(record.turns)
    assert replay.steps[0].acts == ()
    for before, step, turn in zip(replay.steps, replay.steps[1:], record.turns, strict=False):
        (act,) = step.acts
        assert act.seat == turn["seat"]
        assert act.said == f"[{turn['move']}]"
        assert act.prompt == replay.game.tell(before.state, act.seat)
    assert list(replay.steps[-1].totals) == record.rewards
    assert replay.problems == ()


def test_joint_moves_are_one_step(tmp_path):
    options = {"horizon": 7}
    path = written(tmp_path / "r", "Overcooked-v0", ["random"] * 2, options=options)
    replay = load(path, 1)
    assert len(replay.steps) == 8
    assert all([act.seat for act in step.acts] == [0, 1] for step in replay.steps[1:])


@pytest.mark.parametrize("illegal", ["retry:2", "penalty:0.5", "random-legal"])
def test_illegal_replies_are_shown_with_what_came_of_them(tmp_path, illegal):
    path = written(tmp_path / "r", "KuhnPoker-v0", [Talker(0.6)] * 2, 20, illegal=illegal)
    seen = 0
    for number in range(1, 21):
        replay = load(path, number)
        acts = [act for step in replay.steps for act in step.acts]
        for act, turn in zip(acts, replay.record.turns, strict=True):
            assert act.illegal == turn.get("illegal")
            assert (act.played is not None) == ("played" in turn)
            seen += act.illegal is not None
    assert seen > 5


def test_a_changed_record_is_shown_and_said_to_be_wrong(tmp_path):
    line = written(tmp_path / "r", "KuhnPoker-v0", ["nash"] * 2).read_text()
    for old, new in (('"rewards":[', '"rewards":[9.0,'), ('"seed":', '"seed":1')):
        replay = Replay.of_line(line.replace(old, new).encode())
        assert any("digest" in problem for problem in replay.problems)
        assert replay.steps


def test_a_record_that_cannot_be_played_is_shown_as_far_as_it_goes():
    (record,) = arenas.play_matches("TicTacToe-v0", ["exact"] * 2, 1)
    body = json.loads(record.to_json())
    body.pop("digest")
    body["turns"] = [*body["turns"][:3], {"seat": 0, "move": 0}, *body["turns"][4:]]
    wrong = MatchRecord(**body)
    replay = Replay.of_line(wrong.to_json().encode() + b"\n")
    assert len(replay.steps) == 4
    assert replay.problems


@pytest.mark.parametrize(
    ("content", "number", "says"),
    [
        ("", 1, "has 0 records"),
        ("{}\n", 1, ":1: not a record"),
        ("torn", 1, ":1: not JSON"),
        ('{"a":1}\n', 2, "has 1 records"),
    ],
)
def test_files_that_hold_no_such_match_are_refused_in_a_line(tmp_path, content, number, says):
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    result = CliRunner().invoke(app, ["watch", str(path), "-m", str(number), "--html", "x"])
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


# -- pictures as blocks ----------------------------------------------------------------------------


def unfolded(blocks, frames):
    """The pictures that frames stand for, as the page draws them."""
    atlas, found, places, size = blocks.atlas(), [], None, None
    columns = atlas.shape[1] // SIDE
    for frame in frames:
        wide, high = (-(-frame[name] // SIDE) for name in ("width", "height"))
        if size != (frame["width"], frame["height"]):
            places, size = [0] * (wide * high), (frame["width"], frame["height"])
        for place, block in zip(frame["changes"][::2], frame["changes"][1::2], strict=True):
            places[place] = block
        picture = np.zeros((high * SIDE, wide * SIDE, 3), np.uint8)
        for place, block in enumerate(places):
            (y, x), (v, u) = divmod(place, wide), divmod(block, columns)
            picture[y * SIDE : (y + 1) * SIDE, x * SIDE : (x + 1) * SIDE] = atlas[
                v * SIDE : (v + 1) * SIDE, u * SIDE : (u + 1) * SIDE
            ]
        found.append(picture[: frame["height"], : frame["width"]])
    return found


@given(
    st.lists(
        st.tuples(st.integers(1, 70), st.integers(1, 70), st.integers(0, 3)), min_size=1, max_size=6
    )
)
def test_pictures_come_out_of_blocks_as_they_went_in(shapes):
    pictures = []
    for height, width, shade in shapes:
        picture = np.full((height, width, 3), shade, np.uint8)
        picture[height // 2 :, : width // 3] = shade + 1
        pictures.append(picture)
    blocks = Blocks()
    frames = blocks.film(pictures)
    for was, now in zip(pictures, unfolded(blocks, frames), strict=True):
        np.testing.assert_array_equal(was, now)


# -- the page --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


def opened(browser, path):
    """A page from a file, with what it asked of the network and what went wrong in it."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(path.as_uri(), wait_until="load")
    page.wait_for_function("() => atlas.complete && atlas.width > 0 && canvas.width > 0")
    return page, [url for url in asked if not url.startswith("data:")], wrong


def painted(page):
    """What stands on the page's canvas."""
    from PIL import Image

    url = page.evaluate("document.getElementById('picture').toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("game_id", "players", "options"),
    [
        ("Overcooked-v0", ["greedy", "greedy"], {"horizon": 400}),
        ("Negotiation-v0", ["random", "random"], {"turns": 30}),
        ("Spy-v0", ["literal"] * 5, {}),
    ],
)
def test_the_page_shows_each_step_as_each_seat_saw_it(browser, tmp_path, game_id, players, options):
    file = written(tmp_path / "r.jsonl", game_id, players, options=options)
    html = tmp_path / "match.html"
    result = CliRunner().invoke(app, ["watch", str(file), "--html", str(html)])
    assert result.exit_code == 0, result.output
    replay = load(file, 1)
    page, asked, wrong = opened(browser, html)
    assert asked == [html.as_uri()]
    assert "verified" in page.inner_text("#verdict")
    assert page.locator("#log li").count() == len(replay.steps)
    for number, seat in enumerate(replay.viewpoints):
        page.select_option("#view", str(number))
        for step in {0, 1, len(replay.steps) // 2, len(replay.steps) - 1}:
            page.evaluate(f"show({step})")
            then = replay.steps[step]
            np.testing.assert_array_equal(painted(page), replay.game.draw(then.state, seat))
            told = then.shown if seat is None else then.told[seat]
            assert page.text_content("#told") == told
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#count") == f"1 of {len(replay.steps) - 1}"
    page.keyboard.press("End")
    assert page.evaluate("step") == len(replay.steps) - 1
    page.select_option("#speed", "20")
    page.evaluate("show(steps - 2)")
    page.click("#go")
    page.wait_for_function("() => step === steps - 1 && timer === null")
    assert wrong == []
    page.close()


def test_what_players_write_stays_text(browser, tmp_path):
    nasty = "</script><script>alert(1)</script><img src=x onerror=alert(2)> [check]"

    file, html = tmp_path / "r.jsonl", tmp_path / "match.html"
    env = arenas.make("KuhnPoker-v0", view="text")
    env.reset(seed=1)
    while not env.match.over:
        env.step(nasty)
    file.write_text(env.record(["<b>model</b>", "random"]).to_json() + "\n")
    assert CliRunner().invoke(app, ["watch", str(file), "--html", str(html)]).exit_code == 0
    page, asked, wrong = opened(browser, html)
    assert page.text_content("#log li:nth-child(2) .said") == nasty
    assert "<b>model</b>" in page.inner_text("#title")
    assert asked == [html.as_uri()]
    assert wrong == []
    page.close()


def test_tokens_are_shaded_by_their_log_probabilities(browser, tmp_path):
    records, told, html = (tmp_path / name for name in ("r.jsonl", "t.jsonl", "match.html"))
    (played,) = play_trajectories("KuhnPoker-v0", [Spelling(3), "random"], 1)
    records.write_text(played.record.to_json() + "\n")
    with told.open("w") as file:
        write_jsonl(played.seats, file)
    arguments = ["watch", str(records), "--trajectories", str(told), "--html", str(html)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    replay = load(records, 1, played.seats)
    acts = [act for step in replay.steps for act in step.acts if act.tokens is not None]
    assert acts
    page, _, wrong = opened(browser, html)
    tokens = page.locator(".token")
    chances = [chance for act in acts for chance in act.tokens.logprobs]
    assert tokens.count() == len(chances) == sum(len(act.tokens.completion) for act in acts)
    for number, chance in enumerate(chances):
        assert tokens.nth(number).get_attribute("title") == f"log-probability {chance:.3f}"
        shade = tokens.nth(number).evaluate("each => each.style.background")
        strength = float(shade.rpartition(",")[2].strip(" )")) if "rgba" in shade else 1.0
        assert strength == pytest.approx(0.75 * (1 - math.exp(chance)), abs=0.01)
    assert wrong == []
    page.close()


# -- films -----------------------------------------------------------------------------------------


def frames(film, width, height):
    """The pictures of a film, read by ffmpeg: (n, height, width, 3) uint8."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    wanted = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-"]
    read = subprocess.run(
        [ffmpeg, "-v", "error", "-i", film, *wanted], capture_output=True, check=True
    )
    return np.frombuffer(read.stdout, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_films_hold_a_picture_a_step(tmp_path, ending):
    pytest.importorskip("imageio")
    file = written(tmp_path / "r", "TicTacToe-v0", ["random"] * 2)
    film = tmp_path / f"match.{ending}"
    arguments = ["watch", str(file), f"--{ending}", str(film), "--fps", "5"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    pictures = list(load(file, 1).pictures())
    height, width = (side + side % 2 for side in pictures[0].shape[:2])
    shown = frames(film, width, height)
    assert len(shown) == len(pictures)
    for picture, frame in zip(pictures, shown, strict=True):
        height, width = picture.shape[:2]
        assert np.abs(frame[:height, :width].astype(int) - picture).mean() < 8


def test_gymnasium_records_videos(tmp_path):
    pytest.importorskip("moviepy")
    import gymnasium

    env = gymnasium.make("selfplay/TicTacToe-v0", render_mode="rgb_array")
    env = gymnasium.wrappers.RecordVideo(
        env, str(tmp_path / "films"), episode_trigger=lambda number: True
    )
    env.reset(seed=0)
    over, rng = False, np.random.default_rng(0)
    while not over:
        mask = env.unwrapped.action_masks()
        _, _, terminated, truncated, _ = env.step(int(rng.choice(np.flatnonzero(mask))))
        over = terminated or truncated
    env.close()
    assert [path.stat().st_size > 0 for path in tmp_path.glob("films/*.mp4")] == [True]
