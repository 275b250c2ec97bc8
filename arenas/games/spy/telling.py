"""What a seat is told: the rules, the situation, and how a match ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arenas.games.spy import rewards, text

if TYPE_CHECKING:
    from arenas.games.spy.game import Spy, SpyState
    from arenas.games.spy.world import Scene


def brief(game: Spy, seat: int) -> str:
    """`Game.brief`: the rules, the form of a reply, what is paid."""
    world, n = game.world, game.players
    who = (
        f"You are {game.spec.agents[seat]} of {n} players in Who Is the Spy."
        if seat < n
        else f"You are the reader of a game of Who Is the Spy between {n} players: you only "
        "vote, at the end."
    )
    shown = "nothing of it" if game.spy_sees == "blank" else "a slightly different one"
    voting = (
        "the reader, who sees what the civilians see, votes for one player or n/a"
        if game.voter == "reader"
        else "all vote at once, in private, for another player or n/a"
        + ("" if game.spy_votes else "; the spy's vote does not count")
    )
    rules = [
        f"{n - 1} of the players are civilians and see {world.subject}; one is the spy and "
        f"sees {shown}. Each is told its own role and nobody else's.",
        f"In {game.rounds} round{'s' * (game.rounds > 1)} everybody gives one clue about what "
        f"it sees, in turn; then {voting}.",
        "Civilians: say something true and specific, and find the player whose clues do not "
        "fit what you see. Spy: work out from the clues what the others see, and pass for one "
        "of them.",
    ]
    novelty = " and may not follow from an earlier one" * game.novelty
    if game.clues == "structured":
        form = f"A clue is one sentence such as these{novelty}: {world.hint}"
        reply = f"Reply with one sentence in square brackets, as [{world.hint.split(' | ')[0]}]"
    else:
        form = (
            f"A clue is one sentence of at most {text.MAX_CLUE_CHARS} characters; it names no "
            f"role{novelty}."
        )
        if world.hint:
            form += f" Best are sentences that can be checked, such as: {world.hint}"
        reply = r"Reply with one sentence in a box, as \boxed{" + world.example + "}"
    vote = f"To vote, reply with [player_1] or another, or with [{text.NOBODY}]."
    reasons = "You may reason inside <think>...</think> first; nobody else sees that."
    return "\n".join([who, *rules, form, f"{reply} {vote} {reasons}", _pay(game)])


def _pay(game: Spy) -> str:
    """What is paid, in words."""
    if game.reward == "outcome":
        return (
            "If the spy has more votes than anybody else, it is caught: it loses 1 and the "
            "others share that; else it wins 1."
        )
    right, nobody, wrong = (
        rewards.decision_reward(vote, 0, game.published) for vote in (0, None, 1)
    )
    of_votes = (
        f"A civilian's vote earns {right:g} for the spy, {nobody:g} for n/a and {wrong:g} for "
        "a civilian."
    ).replace("A civilian's", "The reader's" if game.voter == "reader" else "A civilian's")
    of_clues = (
        f"The spy loses {rewards.BETA:g} for each vote on it above the civilians' mean, which "
        f"they share; a civilian loses {rewards.LAMBDA:g} for each vote on it above that mean."
    )
    paid = {"vision_zero": [of_votes, of_clues], "clue": [of_clues], "decision": [of_votes]}
    return " ".join(paid[game.reward])


def tell(game: Spy, state: SpyState, seat: int) -> str:
    """`Game.tell`: the role, the scene, the clues so far, and what to do or how it ended."""
    role, scene = game.role(state, seat), game.sees(state, seat)
    lines = [("You are a civilian.", "You are the spy.", "You are the reader.")[role]]
    if known := game.world.announce(game.world.public(state.scene)):
        lines.append(known)
    if scene is None:
        lines.append("You see nothing.")
    elif game.modality == "image":
        lines.append("You see the picture that was given to you.")
    else:
        lines.append(f"You see {game.world.describe(scene)}")
    lines += [
        f"{game.spec.agents[each.seat]} says {text.quoted(game.wording(each))}"
        for each in state.said
    ]
    if state.votes:
        return "\n".join([*lines, *_ending(game, state, seat)])
    movers = game.movers(state)
    if len(state.said) == game.rounds * game.players:
        ask = f"Who is the spy? Vote: {text.listed(game.vote_names(seat))}"
        lines.append(ask if seat in movers else "Now the reader votes.")
    elif seat in movers:
        number = len(state.said) // game.players + 1
        lines.append(f"Round {number} of {game.rounds}. Your clue?")
    else:
        lines.append(f"{game.spec.agents[movers[0]]} is to give a clue.")
    return "\n".join(lines)


def _ending(game: Spy, state: SpyState, seat: int) -> list[str]:
    outcome = game.outcome(state)
    assert outcome is not None
    names = game.spec.agents
    cast = [
        f"{names[voter]} votes {text.NOBODY if vote is None else names[vote]}"
        for voter, vote in zip(game.voters, state.votes, strict=True)
    ]
    how = "is caught" if outcome.evidence["caught"] else "escapes"
    lines = [f"{', '.join(cast)}.", f"The spy was {names[state.spy]} and {how}."]
    lied = [
        f"{names[each.seat]}: {text.quoted(game.wording(each))}"
        for each in state.said
        if game.verdict(state, each)[0] is False
    ]
    if lied:
        lines.append(f"False of what the speaker saw: {'; '.join(lied)}.")
    return [*lines, f"Your reward: {outcome.rewards[seat]:+g}."]


def show(game: Spy, state: SpyState, seat: int | None = None) -> str:
    """`Game.show`: as a seat sees it, or all of it with the verdicts."""
    if seat is not None:
        return tell(game, state, seat)
    lines = [
        f"The civilians see {_described(game, state.scene)}",
        f"The spy is {game.spec.agents[state.spy]} and sees {_described(game, state.other)}",
    ]
    for each in state.said:
        own = game.verdict(state, each)[0]
        mark = {True: "true", False: "false", None: "unchecked"}[own]
        lines.append(f"{game.spec.agents[each.seat]}: {game.wording(each)} ({mark})")
    if state.votes:
        lines += _ending(game, state, 0)[:-1]
    return "\n".join(lines)


def _described(game: Spy, scene: Scene | None) -> str:
    return "nothing." if scene is None else game.world.describe(scene)
