"""What the five apps share. Knows none of them."""
