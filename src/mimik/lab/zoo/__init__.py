"""Networks that the lab trains, a family a module: gray 48×48 faces in, logits out.

Every network maps ``(N, 1, 48, 48)`` float32 pictures to a pair of logits: ``(N, 7)`` for the FER-2013 labels, in
the order of `mimik.Emotion`, and ``(N, 8)`` for the FER+ labels, in the order of `mimik.lab.data.FERPLUS`, or None
where the network has no such head.
"""

from collections.abc import Callable

from torch import nn

from mimik.lab.zoo.alexnet import AlexNet
from mimik.lab.zoo.residual import ResidualNet, residual_deep, residual_teacher
from mimik.lab.zoo.seed import SeedNet
from mimik.lab.zoo.student import StudentNet, student_accurate, student_default, student_tiny
from mimik.lab.zoo.vgg import VggNet
from mimik.lab.zoo.xception import MiniXception

__all__ = ["NETWORKS", "AlexNet", "MiniXception", "ResidualNet", "SeedNet", "StudentNet", "VggNet"]

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "seed": SeedNet,
    "seed-5": lambda: SeedNet(blocks=5),
    "alexnet": AlexNet,
    "mini-xception": MiniXception,
    "vgg": VggNet,
    "residual": ResidualNet,
    "residual-deep": residual_deep,
    "residual-teacher": residual_teacher,
    "student-tiny": student_tiny,
    "student": student_default,
    "student-accurate": student_accurate,
}
"""A configuration's ``network`` → what makes it."""
