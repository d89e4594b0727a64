"""What texts quote from stored results: marks in the texts, tables in ``tables/``, and one command for both.

``README.md`` beside this file says how a quote is written.
"""
