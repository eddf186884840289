"""The first window: what ``propainter-panel`` shows while nothing is set up, and Help > Set up … at any time.

``findings.py`` (what is known of the machine, as data, without Qt), ``asking.py`` (asking the doctor and the installer, off
the interface's thread), ``cards.py`` (one subject each), ``weights.py`` (getting the weights), ``page.py`` (all of it). Not
here: what the doctor looks at (``propainter-backend doctor``), what is put where (``propainter_install``), the panel. Nuke's
dock has none of this.
"""
