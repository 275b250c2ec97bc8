"""What a run says of itself: a line meanwhile, a picture, and the last lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from arenas.baselines.spiral.games import figure_of
from arenas.baselines.spiral.training import Training
from arenas.policies.files import replacing


def brief(row: Mapping[str, float]) -> str:
    """A line of the curve, for the progress bar."""
    shown = []
    for name, figure in row.items():
        if name.endswith("nash_conv"):
            shown.append(f"{name.replace('nash_conv', 'NashConv')} {figure:.3f}")
        elif "reward_vs_" in name:
            shown.append(f"{name.replace('reward_vs_', 'vs ')} {figure:+.3f}")
    return "  ".join([*shown, f"illegal {row['illegal']:.2%}"])


def draw(curve: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """Writes the curve as a picture: NashConv and results above, illegal replies below."""
    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    iterations = [row["iteration"] for row in curve]
    for name in curve[0]:
        if name.endswith("nash_conv") or "reward_vs_" in name:
            above.plot(iterations, [row[name] for row in curve], label=name)
        elif name in ("illegal", "cut", "draws"):
            below.plot(iterations, [row[name] for row in curve], label=name)
    above.axhline(0, color="grey", linewidth=0.8)
    above.set(title=title, ylabel="reward a match")
    below.set(xlabel="iteration", ylabel="share")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def report(training: Training) -> str:
    """The final lines: how training matches ended at first and at last, and results.

    The results are of the saved model in `final_games` matches with each reference.
    """
    figures, results = training.measure(training.config.final_games)
    lines = [f"{training.so_far}, {training.matches} matches"]
    for iteration in sorted({1, training.iteration}):
        own = [each for each in training.ends if each.iteration == iteration]
        matches = sum(each.matches for each in own)
        shares = [
            f"{figure_of(training.games, each.game, each.ended)} {each.matches / matches:.1%}"
            for each in sorted(own, key=lambda each: -each.matches)
        ]
        lines.append(f"iteration {iteration} ended: {', '.join(shares)}")
    for name, figure in figures.items():
        if name.endswith("nash_conv"):
            lines.append(f"{name.replace('nash_conv', 'NashConv')} {figure:.4f}")
        elif name.endswith("illegal_in_play"):
            lines.append(f"{name.replace('illegal_in_play', 'illegal replies')} {figure:.3%}")
    for (game_id, name), each in results.items():
        lines.append(
            f"{game_id.split('/')[-1]} against {name} in {each.matches} matches: reward "
            f"{each.mean:+.3f} ± {each.interval:.3f}, W/D/L {each.wins}/{each.draws}/{each.losses}"
        )
    return "\n".join(lines)
