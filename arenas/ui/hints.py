"""What an exact player would do, in words for a person."""

from __future__ import annotations

from arenas.core.policy import Policy, Turn


def hint(exact: Policy, turn: Turn) -> str:
    """The move of a player on a turn, or its moves with their odds, the likeliest first."""
    try:
        odds = exact.distribution(turn)
    except TypeError:
        (reply,) = exact.act([turn])
        return reply.text if reply.text is not None else turn.format(reply.move)
    likely = sorted((m for m in turn.legal or () if odds[m] > 0), key=lambda m: -odds[m])
    return ", ".join(f"{turn.format(move).strip('[]')} {odds[move]:.0%}" for move in likely)
