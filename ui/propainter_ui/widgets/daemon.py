"""The backend: a strip with what matters, and a page with the rest.

Here: showing ``DaemonState`` and asking for start and stop. Not here: doing either (``bridge/``).
"""

from __future__ import annotations

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtGui, QtWidgets, Signal
from propainter_ui.state.estimates import size_text, time_text
from propainter_ui.state.panel_state import DaemonState, PanelState

_DOTS = {"ready": "good", "starting": "warning", "stopping": "warning", "lost": "error", "absent": "dim"}
_BUTTONS = {"ready": "Stop", "starting": "Starting …", "stopping": "Stopping …", "lost": "Restart", "absent": "Start"}


class DaemonStrip(QtWidgets.QWidget):
    """One line: a light, the backend in a few words, start or stop."""

    start_asked = Signal()
    stop_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._phase = ""
        self._dot = _Dot()
        self._text = QtWidgets.QLabel()
        self._text.setAccessibleName("Backend state")
        self._text.setMinimumWidth(60)  # a narrow window cuts it, and the tip says all
        self._button = QtWidgets.QPushButton()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._dot)
        row.addWidget(self._text)
        row.addWidget(self._button)
        self._button.clicked.connect(lambda: (self.stop_asked if self._phase == "ready" else self.start_asked).emit())
        self.show_state(PanelState())

    def show_state(self, state: PanelState) -> None:
        """Show this state."""
        daemon = state.daemon
        self._text.setText(daemon.headline)
        self._text.setToolTip(daemon.headline)
        self._dot.show_colour(_DOTS[daemon.phase])
        if daemon.phase != self._phase:
            self._phase = daemon.phase
            self._button.setText(_BUTTONS[daemon.phase])
            self._button.setEnabled(daemon.phase in ("ready", "lost", "absent"))
            self._button.setAccessibleName(f"{_BUTTONS[daemon.phase]} backend")
            self._button.setToolTip(
                "Stop the backend; what it has cached stays on disk" if daemon.phase == "ready" else "Start a backend"
            )


class DaemonPage(QtWidgets.QWidget):
    """Everything the backend says of itself."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        form = QtWidgets.QFormLayout(self)
        form.setContentsMargins(14, 12, 14, 12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(7)
        self._lines: dict[str, QtWidgets.QLabel] = {}
        for name in ("State", "Version", "Engine", "Device", "Weights", "Licence", "Memory", "Cache", "Clients"):
            caption, line = QtWidgets.QLabel(name), QtWidgets.QLabel("–")
            caption.setObjectName("dim")
            line.setWordWrap(True)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            line.setAccessibleName(f"Backend {name.lower()}")
            self._lines[name] = line
            form.addRow(caption, line)

    def show_state(self, state: PanelState) -> None:
        """Show this state."""
        for name, text in _facts(state.daemon).items():
            if self._lines[name].text() != text:
                self._lines[name].setText(text)


def _facts(daemon: DaemonState) -> dict[str, str]:
    is_up = daemon.phase == "ready"
    memory = daemon.memory
    held = memory.get("rss_bytes", 0) + memory.get("worker_rss_bytes", 0)
    device = ""
    if memory.get("device_total_bytes"):
        used, total = memory.get("device_used_bytes", 0), memory["device_total_bytes"]
        device = f"; device {size_text(used)} of {size_text(total)}"
    cache = f"{size_text(memory.get('cache_bytes', 0))} of {size_text(memory.get('cache_limit_bytes', 0))} on disk"
    no_weights = "none installed: run propainter-weights fetch" if daemon.engine == "classical" else "none"
    return {
        "State": f"running for {time_text(daemon.uptime_s)}, process {daemon.pid}" if is_up and daemon.pid
        else daemon.headline,
        "Version": daemon.server if is_up else "–",
        "Engine": daemon.engine if is_up else "–",
        "Device": daemon.device if is_up else "–",
        "Weights": ("–" if not is_up else no_weights if daemon.weights == "none" else daemon.weights),
        "Licence": (daemon.licence or "embedded engine: Apache-2.0") if is_up else "–",
        "Memory": size_text(held) + device if is_up and held else "–",
        "Cache": cache if is_up and memory else "–",
        "Clients": str(daemon.sessions) if is_up else "–",
    }  # fmt: skip


class _Dot(QtWidgets.QWidget):
    """A light."""

    def __init__(self) -> None:
        super().__init__()
        self._colour = "dim"
        self.setFixedSize(12, 12)

    def show_colour(self, colour: str) -> None:
        if colour != self._colour:
            self._colour = colour
            self.update()

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(getattr(colours_of(self), self._colour)))
        painter.drawEllipse(1, 1, 10, 10)
