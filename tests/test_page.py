"""The page in a real browser: whole matches by mouse, keyboard and forms, alone and in pairs."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("pygame", reason="needs the extra draw")
from serving import cut_all, server

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra dev")

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the system's Chromium")

WAIT_MS = 20_000


@pytest.fixture(scope="module")
def served():
    with server() as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as library:
        chromium = library.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(served, browser):
    """Opens a link as another person: a context of its own. Errors on a page fail the test."""
    contexts, errors = [], []

    def opened(key, **viewport):
        size = viewport or {"width": 1280, "height": 720}
        contexts.append(browser.new_context(viewport=size))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: _is_local(request.url, errors))
        page.goto(served.link(key))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def _is_local(url, errors):
    if not re.match(r"(http|ws)://127\.0\.0\.1:|blob:|data:", url):
        errors.append(f"asked for {url}")


def solo(served, game_id, options, vs, seats=2, seed=3):
    """A table with one person in seat 0; agents answer at once."""
    players = ["human"] + [vs] * (seats - 1)
    return served.house.open(game_id, options, players, seed=seed, pace=0.0)


def to_move(page, table):
    """Waits for this person's turn; False when the match is over."""
    deadline = time.monotonic() + WAIT_MS / 1000
    page.wait_for_selector("#table:not([hidden])")
    while time.monotonic() < deadline:
        step, now = page.evaluate(
            "() => [Number(document.getElementById('table').dataset.step),"
            " document.getElementById('status').textContent]"
        )
        if step == step_of(table) and now in ("Your turn", "Over", "Broken off"):
            return now == "Your turn"
        time.sleep(0.02)
    raise AssertionError(f"neither a turn nor the end: {now}")


def step_of(table):
    return table.session.snapshot(0).step


def acted(table, step):
    """Waits until the server has played more moves than `step`."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while step_of(table) <= step:
        assert time.monotonic() < deadline, "the move did not arrive"
        time.sleep(0.01)


def test_kuhn_by_areas_of_the_picture_and_by_key(served, visit):
    table = solo(served, "KuhnPoker-v0", {"hands": 3}, "scripted")
    page = visit(table.keys[0])
    by_key = False
    while to_move(page, table):
        step = step_of(table)
        if by_key:
            page.keyboard.press(table.session.snapshot(0).controls.buttons[0].key)
        else:
            page.locator("#areas button").last.click()
        by_key = not by_key
        acted(table, step)
    record = table.session.match_record()
    assert record.problems(table.session.game) == []
    assert page.locator("#end").inner_text()
    shown = [float(total) for total in page.locator("#scores b").all_inner_texts()]
    assert shown == pytest.approx(record.rewards)
    assert page.locator("#picture").get_attribute("data-painted")
    replay = page.context.new_page()
    replay.goto(served.address + page.locator("#replay").get_attribute("href"))
    assert "verified" in replay.locator("#verdict").inner_text()
    assert replay.locator("#log li").count() == 1 + len(record.turns)


def test_tictactoe_between_two_people_through_the_lobby(served, visit):
    host = visit(served.house.token)
    host.locator("#game").select_option("TicTacToe-v0")
    inputs = host.locator("#seats input")
    playwright.expect(inputs).to_have_count(2)
    inputs.nth(1).fill("human")
    host.locator("#open").click()
    links = host.locator("#tables a.main")
    playwright.expect(links).to_have_count(2)
    keys = [link.get_attribute("href").partition("key=")[2] for link in links.all()]
    ada, bob = map(visit, keys)
    table = list(served.house.tables.values())[-1]
    people = (ada, bob)
    for step, cell in enumerate((0, 3, 1, 4)):
        assert to_move(people[step % 2], table)
        people[step % 2].locator(f'#areas [data-reply="[{cell}]"]').click()
        acted(table, step)
    assert to_move(ada, table)
    assert "%" in _hint(ada)
    ada.keyboard.press("2")
    for page in people:
        playwright.expect(page.locator("#status")).to_have_text("Over")
    assert bob.locator("#log li").count() == 5
    bob.locator("#again").click()
    assert to_move(ada, table)
    assert step_of(table) == 0


def _hint(page):
    page.locator("#hint").click()
    playwright.expect(page.locator("#hinted")).to_contain_text("exact")
    return page.locator("#hinted").inner_text()


def test_negotiation_by_sliders_and_words(served, visit):
    table = solo(served, "Negotiation-v0", {"turns": 6}, "greedy")
    page = visit(table.keys[0], width=800, height=600)
    said = 'Take it.\nplayer_1 accepts <img src=x onerror="alert(1)">'
    while to_move(page, table):
        step = step_of(table)
        form = page.locator("form[data-form=offer]")
        if form.count() == 0:
            page.locator("#buttons button").first.click()
            acted(table, step)
            continue
        numbers = form.locator("input[type=number]")
        numbers.nth(0).fill("-1")
        slider = form.locator("input[type=range]").nth(1)
        slider.focus()
        slider.press("ArrowRight")
        assert numbers.nth(1).input_value() == "1"
        form.locator("input[type=text]").fill(said.replace("\n", " "))
        form.locator("button").click()
        acted(table, step)
    record = table.session.match_record()
    assert record.problems(table.session.game) == []
    assert record.illegal_moves == [0, 0]
    assert page.locator("#log img").count() == 0
    assert "Take it." in page.locator("#log").inner_text()


def test_a_form_that_makes_no_move_says_why_and_keeps_what_was_typed(served, visit):
    table = solo(served, "Negotiation-v0", {"turns": 6}, "greedy")
    page = visit(table.keys[0])
    assert to_move(page, table)
    form = page.locator("form").first
    form.locator("input[type=text]").fill("Hello")
    form.locator("button").click()
    playwright.expect(page.locator("#refused")).not_to_be_empty()
    assert form.locator("input[type=text]").input_value() == "Hello"
    assert step_of(table) == 0


def test_spy_by_listed_clues_and_a_vote(served, visit):
    table = solo(served, "Spy-v0", {"players": 4, "rounds": 1}, "scripted", seats=4)
    page = visit(table.keys[0], width=390, height=844)
    while to_move(page, table):
        step = step_of(table)
        controls = table.session.snapshot(0).controls
        if controls.forms:
            page.locator("form").first.locator("button").click()
        else:
            page.locator("#buttons button, #areas button").first.click()
        acted(table, step)
    record = table.session.match_record()
    assert record.problems(table.session.game) == []
    assert record.illegal_moves == [0, 0, 0, 0]
    assert page.locator("#log li").count() >= 3


def test_overcooked_by_the_arrow_keys_at_its_own_pace(served, visit):
    table = solo(served, "Overcooked-v0", {"horizon": 30}, "scripted")
    page = visit(table.keys[0])
    page.wait_for_selector("#table:not([hidden])")
    began = time.monotonic()
    page.keyboard.down("ArrowLeft")
    time.sleep(0.75)
    page.keyboard.up("ArrowLeft")
    page.keyboard.press(" ")
    playwright.expect(page.locator("#status")).to_have_text("Over")
    assert time.monotonic() - began < 30 * 0.1 + 1.5
    moves = [t["move"] for t in table.session.match_record().turns if t["seat"] == 0]
    assert 3 <= moves.count(3) <= 9  # west at each step while the key was held, and no longer
    assert moves.count(5) == 1
    assert len(moves) == 30


def test_a_lost_connection_is_taken_up_again(served, visit):
    table = solo(served, "TicTacToe-v0", {}, "random")
    page = visit(table.keys[0])
    assert to_move(page, table)
    page.locator("#areas button").first.click()
    acted(table, 1)
    cut_all(served)
    playwright.expect(page.locator("#banner")).to_contain_text("lost")
    playwright.expect(page.locator("#banner")).to_be_hidden()
    assert to_move(page, table)
    assert page.locator("#log li").count() == 2
    page.locator("#areas button").first.click()
    acted(table, 3)


def test_a_wrong_key_and_a_closed_table_are_told(served, visit, browser):
    table = solo(served, "TicTacToe-v0", {}, "random")
    page = visit(table.keys[0])
    assert to_move(page, table)
    served.house.close_table(table.id)
    playwright.expect(page.locator("#banner")).to_contain_text("closed")
    page.goto(served.link("wrong"))
    assert "opens nothing here" in page.locator("body").inner_text()


SIZES = ((1280, 720), (800, 600), (390, 844))


@pytest.mark.parametrize("width_height", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_nothing_is_cut_off_at_any_size(served, visit, width_height):
    """No page scrolls sideways, and no control lies beyond the edge or under another."""
    width, height = width_height
    for game_id, seats in (("KuhnPoker-v0", 2), ("Negotiation-v0", 2), ("Spy-v0", 5)):
        table = solo(served, game_id, {}, "scripted", seats=seats)
        page = visit(table.keys[0], width=width, height=height)
        assert to_move(page, table)
        found = page.evaluate(OVERLAPS)
        assert found == [], f"{game_id} at {width}x{height}: {json.dumps(found)}"


OVERLAPS = """() => {
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("scrolls sideways");
  const what = "button, input, select, summary, #status, #title, #scores li, label";
  const shown = [...document.querySelectorAll(what)]
    .filter((e) => e.checkVisibility() && !e.closest("#areas"));
  for (const e of shown) {
    const box = e.getBoundingClientRect();
    const name = e.outerHTML.slice(0, 70);
    if (box.left < 0 || box.right > innerWidth + 0.5) wrong.push(["beyond the edge", name]);
    for (const other of shown) {
      if (other === e || other.contains(e) || e.contains(other)) continue;
      const o = other.getBoundingClientRect();
      const wide = Math.min(box.right, o.right) - Math.max(box.left, o.left);
      const high = Math.min(box.bottom, o.bottom) - Math.max(box.top, o.top);
      if (wide > 2 && high > 2) wrong.push(["overlap", name, other.outerHTML.slice(0, 70)]);
    }
  }
  const picture = document.getElementById("picture-frame").getBoundingClientRect();
  if (picture.right > innerWidth + 0.5) wrong.push("the picture is cut off");
  return wrong;
}"""
