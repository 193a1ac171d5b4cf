"""The cloud APIs' own clients, answered on this machine: a module an API; keys are taken and not looked at."""
