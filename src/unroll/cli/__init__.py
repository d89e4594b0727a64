"""The command ``unroll``: one file per command."""
