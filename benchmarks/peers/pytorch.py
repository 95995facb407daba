"""PyTorch, in the ways that its documentation recommends for speed; rows are gathered from tensors, without a DataLoader.

eager     as in the tutorials
fused     Adam(fused=True)
1 thread  fused, with set_num_threads(1): for small networks, threads cost more than they save
compile   fused, with network and loss under torch.compile (on a GPU with mode="reduce-overhead")
bf16      fused, under torch.autocast(bfloat16)
medium    fused, with set_float32_matmul_precision("medium"); on a GPU "high", which is TF32
graph     on a GPU: the whole step in one CUDA graph, Adam(fused=True, capturable=True); "graph medium" in TF32
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from tasks import Data, Task
from torch import nn

from .peer import Peer, Unavailable


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        self._gpu = device != "cpu"
        if self._gpu and not torch.cuda.is_available():
            raise Unavailable(f"this PyTorch, {torch.__version__}, sees no GPU")
        self._captures = variant.startswith("graph")
        if self._captures and not self._gpu:
            raise Unavailable("CUDA graphs need a GPU")
        if variant == "1 thread":
            if self._gpu:
                raise Unavailable("threads are a matter of the CPU")
            torch.set_num_threads(1)
        if variant.endswith("medium"):
            torch.set_float32_matmul_precision("high" if self._gpu else "medium")
        layers: list[nn.Module] = []
        for i, o in pairwise(task.widths):
            layers += [nn.Linear(i, o), nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1]).to(device)
        mode = "reduce-overhead" if self._gpu else None
        compiled = variant == "compile"  # compiled once: runs from fresh weights keep the program
        self._loss = torch.compile(self._forward, dynamic=False, mode=mode) if compiled else self._forward
        self._on_device: tuple[torch.Tensor, torch.Tensor] | None = None
        self._graph: tuple[torch.cuda.CUDAGraph, torch.Tensor, torch.Tensor] | None = None

    def start(self, seed: int) -> None:
        torch.manual_seed(seed)
        for parameter in self.model.parameters():
            (nn.init.xavier_uniform_ if parameter.ndim == 2 else nn.init.zeros_)(parameter)
        if self._graph:  # it holds the addresses of the optimizer's state
            for slots in self.optimizer.state.values():
                for slot in slots.values():
                    slot.zero_()
            return
        matrices = [p for p in self.model.parameters() if p.ndim == 2]
        biases = [p for p in self.model.parameters() if p.ndim == 1]
        options: dict[str, Any] = {} if self.variant == "eager" else {"fused": True}
        if self._captures:
            options["capturable"] = True
        groups = [{"params": matrices, "weight_decay": self.task.l2}, {"params": biases}]
        self.optimizer = torch.optim.Adam(groups, lr=self.task.learning_rate, **options)
        if self._captures:
            self._graph = self._captured()
            self.start(seed)  # again: the capture has trained the weights

    def _forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(self.model(x), y)

    def _data(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The data as tensors; on a CPU they share memory with the host's arrays."""
        return torch.from_numpy(self.data.X).to(self.device), torch.from_numpy(self.data.y).to(self.device)

    def _eager(self, index: torch.Tensor) -> torch.Tensor:
        X, y = self._on_device  # type: ignore[misc]
        autocast = torch.autocast(self.device.partition(":")[0], torch.bfloat16)
        with autocast if self.variant == "bf16" else nullcontext():
            loss = self._loss(X.index_select(0, index), y.index_select(0, index))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _captured(self) -> tuple[torch.cuda.CUDAGraph, torch.Tensor, torch.Tensor]:
        """(graph of the step, rows it reads, loss it writes): warmed up on a side stream, as PyTorch's notes on graphs say."""
        self._on_device = self._on_device or self._data()
        index = torch.zeros(self.task.batch, dtype=torch.int64, device=self.device)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._eager(index)
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._eager(index)
        return graph, index, loss

    def _replayed(self, rows: torch.Tensor) -> torch.Tensor:
        graph, index, loss = self._graph  # type: ignore[misc]
        index.copy_(rows)
        graph.replay()
        return loss

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        self._on_device = self._on_device or self._data()
        batch, step = self.task.batch, self._replayed if self._graph else self._eager
        graphs = self._gpu and (
            self._captures or self.variant == "compile"
        )  # these write every loss to the same address
        if self._gpu:
            torch.cuda.synchronize(self.device)
        begin()
        for _ in range(epochs):
            order = torch.randperm(self.task.rows, device=self.device)
            losses = []
            for i in range(0, self.task.rows, batch):
                loss = step(order[i : i + batch])
                losses.append(loss.clone() if graphs else loss)
            if after_epoch(torch.stack(losses).mean().item() + self._penalty()):
                return

    def _penalty(self) -> float:
        if not self.task.l2:
            return 0.0
        with torch.no_grad():
            return self.task.l2 / 2 * sum(p.square().sum().item() for p in self.model.parameters() if p.ndim == 2)

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        with torch.inference_mode():
            labels = self.model(torch.from_numpy(X).to(self.device)).argmax(dim=1)
            return (labels == torch.from_numpy(y).to(self.device)).float().mean().item()

    def facts(self) -> dict[str, str]:
        where = torch.cuda.get_device_name(self.device) if self._gpu else torch.backends.cpu.get_cpu_capability()
        return {"version": torch.__version__, "kernels": where, "threads": str(torch.get_num_threads())}
