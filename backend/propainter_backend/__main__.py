"""``python -m propainter_backend`` is ``propainter-backend``.

Here: nothing but the way in. Not here: the command line (``commands/backend.py``), Ctrl-C while it loads
(``commands/entry.py``).
"""

from propainter_backend.commands.entry import backend as main

if __name__ == "__main__":
    raise SystemExit(main())
