"""A heading that folds away what stands below it, and remembers whether it did.

Here: ``Fold``. Not here: what stands in it.
"""

from __future__ import annotations

from typing import Protocol

from propainter_ui.qt import Qt, QtWidgets, Signal

_OPEN, _FOLDED = "\N{BLACK DOWN-POINTING SMALL TRIANGLE}", "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"


class Memory(Protocol):
    """What outlives the panel: a word under a name."""

    def text(self, name: str, default: str = "") -> str: ...

    def keep(self, name: str, value: str) -> None: ...


class Fold(QtWidgets.QWidget):
    """A section under a heading, open or folded away. The artist's choice outlives the panel."""

    toggled = Signal(bool)

    def __init__(self, name: str, label: str, *, is_open: bool, memory: Memory | None) -> None:
        super().__init__()
        self._key, self._label, self._memory = f"section_{name}", label, memory
        self._idle = ""
        self.heading = QtWidgets.QPushButton()
        self.heading.setFlat(True)
        self.heading.setCheckable(True)
        self.heading.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.heading.setObjectName("heading")
        self.heading.setStyleSheet("font-weight: 600; text-align: left;")
        self.heading.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.body = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.heading)
        column.addWidget(self.body)
        self._wanted = is_open if memory is None else memory.text(self._key, "open" if is_open else "folded") == "open"
        self.heading.clicked.connect(self._turn)
        self._show(self._wanted)

    @property
    def is_open(self) -> bool:
        """Whether its body is to be seen."""
        return self.heading.isChecked()

    def set_idle(self, why: str) -> None:
        """Fold away what has no effect now, and say why; empty: it has, and the artist's own choice counts again.

        It can still be opened, to look; that is not remembered.
        """
        if why != self._idle:
            self._idle = why
            self._show(self._wanted and not why)

    def _turn(self, is_open: bool) -> None:
        if not self._idle:
            self._wanted = is_open
            if self._memory is not None:
                self._memory.keep(self._key, "open" if is_open else "folded")
        self._show(is_open)
        self.toggled.emit(is_open)

    def _show(self, is_open: bool) -> None:
        self.heading.setChecked(is_open)
        self.body.setVisible(is_open)
        note = f" ({self._idle})" if self._idle else ""
        self.heading.setText(f"{_OPEN if is_open else _FOLDED}  {self._label}{note}")
        self.heading.setAccessibleName(f"{self._label}{note}, {'open' if is_open else 'folded'}")
        self.heading.setToolTip(f"{'Fold away' if is_open else 'Show'} {self._label}")
