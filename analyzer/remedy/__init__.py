"""Findings to fixes: changes, their order, their proof."""
