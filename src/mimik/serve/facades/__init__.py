"""The cloud APIs' own clients, answered on this machine: a module an API, mapping to and from the core.

Keys and signatures are taken and not looked at: only this machine may talk to the server.
"""
