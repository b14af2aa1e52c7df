"""Runs recipes: the loop, what is kept on disk, evaluation, the card."""
