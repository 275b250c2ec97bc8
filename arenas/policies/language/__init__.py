"""Language models in the seats: `LanguagePolicy` and what it is made of."""

from arenas.policies.language.generate import Sampling
from arenas.policies.language.policy import LanguagePolicy
from arenas.policies.language.prompts import Prompts

__all__ = ["LanguagePolicy", "Prompts", "Sampling"]
