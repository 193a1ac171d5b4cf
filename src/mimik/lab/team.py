"""The processes that train one network together: one, or as many as ``torchrun`` started, over gloo."""

import os
from types import TracebackType
from typing import Self, TypeVar

import torch
from torch import Tensor, distributed, nn

from mimik.errors import ConfigError

__all__ = ["Team", "leads"]

T = TypeVar("T")


def leads() -> bool:
    """Whether this process speaks and writes for all: the first of them, or the only one."""
    return os.environ.get("RANK", "0") == "0"


class Team:
    """This process's place among those that train together; a context manager.

    Attributes:
        size: how many there are.
        rank: which this is, from 0.
    """

    def __init__(self) -> None:
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self._made = False

    def __enter__(self) -> Self:
        if self.size > 1 and not distributed.is_initialized():
            distributed.init_process_group("gloo")
            self._made = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error the others may wait for this one: leaving is for torchrun to notice, not to be waited for.
        if self._made and kind is None:
            distributed.destroy_process_group()
        if self.size > 1 and isinstance(error, RuntimeError) and "gloo" in str(error):
            raise ConfigError("Another of the processes that train together stopped. It says why.") from error

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch; together the processes have each once."""
        return batch[self.rank :: self.size]

    def same(self, value: T) -> T:
        """The first process's value, everywhere."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box)
        return box[0]

    def mean(self, values: list[float]) -> list[float]:
        """The mean over the processes of each number."""
        if self.size == 1:
            return values
        summed = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(summed)
        return [value / self.size for value in summed.tolist()]

    def joined(self, network: nn.Module, *, unused: bool) -> nn.Module:
        """The network, its gradients averaged over the processes.

        Args:
            network: the same in every process afterwards: the first one's.
            unused: whether some parameters have no part in the loss.
        """
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network, find_unused_parameters=unused)
