"""Two portraits of free use: works of the US government, both in the public domain.

Rear Admiral Grace Hopper, a photograph of the US Navy (1984), as matplotlib has it among its sample data; Eileen
Collins, a photograph of NASA (1998), as scikit-image has it for its ``astronaut``, stored without loss.
"""

from pathlib import Path

__all__ = ["EILEEN_COLLINS", "GRACE_HOPPER"]

GRACE_HOPPER = Path(__file__).with_name("grace-hopper.jpg")
"""512×600 pixels."""
EILEEN_COLLINS = Path(__file__).with_name("eileen-collins.webp")
"""512×512 pixels, smiling."""
