"""The studies that come with unroll, as TOML files."""
