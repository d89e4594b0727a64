"""Drop-in layers for torch.nn.RNN, LSTM and GRU on the native kernels, and ``accelerate`` for whole models."""

from unroll.nn.accelerate import Swap, accelerate, decelerate
from unroll.nn.gru import GRU
from unroll.nn.lstm import LSTM
from unroll.nn.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "Swap", "accelerate", "decelerate"]
