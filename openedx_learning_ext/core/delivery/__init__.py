"""Durable sending: a row is the memory, a bell makes it soon, a sweep makes it sure. It knows no protocol but HTTP."""
