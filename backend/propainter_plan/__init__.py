"""What a shot is cut into, and what depends on what: integers and names only.

Here: units (``units.py``), how an engine divides a shot into them (``cuts.py``, ``layouts.py``) and keeps them on one side
of the film's cuts (``clipping.py``), the map of the stages (``stages.py``), the units a frame needs (``plan.py``), what a
change makes stale (``redo.py``). Networks, renderer, farm and panel all read this one description. Not here: how a unit is
computed (``propainter_backend/render/stages``), keys and storage (``propainter_backend/render``). The package imports
nothing but Python's own library.
"""
