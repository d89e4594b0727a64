"""The command ``unroll``: one file a command."""
