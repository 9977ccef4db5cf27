"""The tables of the platform's own LTI provider, with its label and columns; for what imports them."""
