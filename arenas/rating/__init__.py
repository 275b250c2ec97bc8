"""How good players are: tables, intervals, ratings."""
