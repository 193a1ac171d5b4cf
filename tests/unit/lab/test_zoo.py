"""The zoo's networks: shapes, sizes, and the students' one branch equal to their three."""

import pytest
import torch
from torch import nn

from mimik.lab.zoo import NETWORKS, ResidualNet, StudentNet
from mimik.lab.zoo.size import multiply_adds

HEADS = set(NETWORKS) - {"seed", "seed-5", "alexnet", "mini-xception"}
SIZES = {  # millions: parameters, multiply-adds; the seed's as its report prints them
    "seed": (4.47, 290.5),
    "seed-5": (5.79, 310.7),
    "alexnet": (5.82, 155.2),
    "mini-xception": (0.06, 5.5),
    "vgg": (3.60, 358.8),
    "residual": (1.86, 46.7),
    "residual-deep": (2.32, 63.3),
    "residual-teacher": (11.19, 322.7),
    "student-tiny": (0.20, 6.41),
    "student": (2.44, 87.8),
    "student-accurate": (9.22, 444.3),
}
LIMITS = {"student-tiny": 6.0, "student": 80.0, "student-accurate": 400.0}


@pytest.mark.parametrize("name", NETWORKS)
def test_faces_in_logits_out(name: str) -> None:
    network = NETWORKS[name]().eval()
    with torch.inference_mode():
        fer, ferplus = network(torch.rand(3, 1, 48, 48))
    assert fer.shape == (3, 7)
    assert (None if ferplus is None else tuple(ferplus.shape)) == ((3, 8) if name in HEADS else None)


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes(name: str) -> None:
    network = NETWORKS[name]().eval()
    parameters, cost = SIZES[name]
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(parameters, abs=0.006)
    assert multiply_adds(network) / 1e6 == pytest.approx(cost, abs=0.06)


@pytest.mark.parametrize("name", LIMITS)
def test_a_student_runs_as_one_branch_what_it_learnt_as_three(name: str) -> None:
    torch.manual_seed(1)
    student = NETWORKS[name]().eval()
    assert isinstance(student, StudentNet)
    for layer in student.modules():
        if isinstance(layer, nn.BatchNorm2d):  # as if trained: folding plain ones would prove nothing
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
    faces = torch.rand(4, 1, 48, 48)
    with torch.inference_mode():
        before = student(faces)
        after = student.fuse()(faces)
    for one, other in zip(before, after, strict=True):
        assert (one - other).abs().max() < 1e-4 * one.abs().max()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in student.modules())
    assert multiply_adds(student) / 1e6 <= LIMITS[name]


@pytest.mark.parametrize("depths", [(1, 1, 2, 1), (2, 1, 1, 3), (1, 1, 1, 1)])
def test_a_deepened_network_begins_as_the_shallow_one(depths: tuple[int, int, int, int]) -> None:
    torch.manual_seed(1)
    shallow = ResidualNet((4, 8, 12, 16), stem=4)
    for _ in range(3):
        shallow(torch.rand(8, 1, 48, 48))  # so that batch normalisation has seen something
    deep = ResidualNet((4, 8, 12, 16), depths, stem=4)
    deep.deepen(shallow.state_dict())
    faces = torch.rand(4, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(deep.eval()(faces)[0], shallow.eval()(faces)[0])
    torch.autograd.backward(deep.train()(faces)[0].square().sum())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in deep.named_parameters() if "body.4" in name)


def test_a_network_cannot_be_made_shallower_or_wider() -> None:
    small = ResidualNet((4, 8, 12, 16), stem=4)
    with pytest.raises(RuntimeError, match="depths"):
        small.deepen(ResidualNet((4, 8, 12, 16), (1, 1, 2, 1), stem=4).state_dict())
    with pytest.raises(RuntimeError):
        small.deepen(ResidualNet((8, 8, 12, 16), stem=4).state_dict())
    with pytest.raises(RuntimeError):
        small.deepen({"fer.weight": torch.zeros(7, 16)})
