"""Trajectories in the forms that trainers take: one function each, and no trainer is imported.

All share three rules. Seats that are not trainable are left out, and so are rows without a token to
train on. Every row of a seat carries the seat's whole return (or advantage), as Monte Carlo
estimators want it; a seat whose turns make several rows would count for more than others, so
`weight` is 1 over its number of rows, where a trainer has a place for it. Log-probabilities are
handed on only where the trainer can compute the same ones with other weights: those of a grammar,
of labels or of scored moves are of other distributions (see `Tokens`), and a ratio to the softmax
over the vocabulary, which trainers compute, means nothing.
"""

from arenas.rollout.conversions.atropos import atropos_groups
from arenas.rollout.conversions.chat import chat_conversations, chat_turns, won
from arenas.rollout.conversions.openrlhf import openrlhf_responses
from arenas.rollout.conversions.prime_rl import prime_rl_samples
from arenas.rollout.conversions.rows import training_rows
from arenas.rollout.conversions.skyrl import TrajectoryID, skyrl_output
from arenas.rollout.conversions.tensors import padded_batch
from arenas.rollout.conversions.tinker import tinker_data
from arenas.rollout.conversions.trl import trl_rollout

__all__ = [
    "TrajectoryID",
    "atropos_groups",
    "chat_conversations",
    "chat_turns",
    "openrlhf_responses",
    "padded_batch",
    "prime_rl_samples",
    "skyrl_output",
    "tinker_data",
    "training_rows",
    "trl_rollout",
    "won",
]
