"""Run by Nuke when it has a window: the node's menu entry, and the panel. What fails here is said, and Nuke goes on."""

try:
    from propainter_ui.nuke import dock

    dock.register()
except Exception as error:
    print(  # noqa: T201 - Nuke's script editor and terminal show it
        f"ProPainter Remove: the panel is not available ({type(error).__name__}: {error}); set PROPAINTER_SITE to a folder "
        "with the packages it needs. The node works without it."
    )
