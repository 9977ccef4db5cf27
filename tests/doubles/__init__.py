"""What stands on the other side of a border in tests."""
