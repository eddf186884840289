"""``propainter-install``: puts daemon, node, Nuke part and service onto a machine, brings them up to date, takes them away.

Standard library only, so that it runs straight from a release's wheel on a machine that has nothing but Python
(``install.sh``, ``install.ps1``). In reading order: ``places`` (where everything goes), ``hosts`` (what compositors keep),
``release`` (what is installed), ``torch_build`` (which torch), ``plan`` (the pieces of an installation), ``pieces`` (putting
one piece in place), ``record`` (what was written, and taking it away), ``transaction`` (all of it or nothing), ``__main__``
(the command).
"""
