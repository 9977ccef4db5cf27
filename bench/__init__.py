"""
The speed we are held to, measured side by side with its peers in one run: ``make bench``.

Every comparison runs its sides in turn, several rounds, and reports medians, their spread and the ratio.
"""
