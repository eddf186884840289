"""What is seen: each widget shows a ``PanelState`` and asks for changes by signals. None talks to the backend."""
