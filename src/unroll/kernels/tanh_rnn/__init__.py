"""The simple (Elman) recurrent network; see README.md for its equations."""
