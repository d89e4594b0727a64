"""The gated recurrent unit, with the reset gate after the recurrent matrix; see README.md for its equations."""
