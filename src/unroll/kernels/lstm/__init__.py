"""The long short-term memory; see README.md for its equations."""
