"""PyTorch modules, for the models that carry their code with them."""

from __future__ import annotations

import torch


class Wide(torch.nn.Module):
    """Rows of 8 numbers to rows of 3."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layers(rows)


class Pixels(torch.nn.Module):
    """Images of 1 x 8 x 8 to the probabilities of 3 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 4, 3)
        self.head = torch.nn.Linear(4 * 6 * 6, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.head(torch.relu(self.convolution(images)).flatten(1)), dim=1)


class Sequences(torch.nn.Module):
    """Tokens, numbers below 50, to vectors of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(50, 8)
        self.recurrent = torch.nn.GRU(8, 4, batch_first=True)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.recurrent(self.embedding(tokens))[0]


class Scaled(torch.nn.Module):
    """Rows of numbers, times a param."""

    def forward(self, rows: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return rows * scale
