"""The box of tools on the matte page: which is taken up, how large and soft it draws, what it does.

Here: the controls. Not here: the tools as data (``state/matte_tools.py``), drawing with them (``desk/hands.py``), the rest
of the page (``matte_page.py``).
"""

from __future__ import annotations

from dataclasses import replace

from propainter_ui.drawing.strokes import held_size
from propainter_ui.qt import Qt, QtWidgets, Signal
from propainter_ui.state.matte_tools import REACHES, TOOLS, MatteTools, Tool
from propainter_ui.widgets.flow import FlowLayout
from propainter_ui.widgets.parts import Quiet, dim_text, field, show_number, toggle

_SLIDER_STEPS = 100


class ToolBox(QtWidgets.QWidget):
    """Asks for a tool, and for tools set otherwise."""

    tool_asked = Signal(str)
    tools_asked = Signal(object)
    """``MatteTools``, with another size, softness, reach or frame to copy from."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = MatteTools()
        self.buttons = {tool: self._button(tool) for tool in TOOLS}
        self._size, self._size_slider = field("Brush size, px", 0.5, 500, 1), _slider("Brush size slider")
        self._size_slider.setRange(0, _SLIDER_STEPS)
        self._soft, self._soft_slider = field("Brush softness, %", 0, 100, 0), _slider("Brush softness slider")
        self._soft_slider.setRange(0, 100)
        for box in (self._size, self._soft):
            box.setFixedWidth(72)
        self._reach = QtWidgets.QComboBox()
        self._reach.setAccessibleName("Garbage matte counts")
        self._reach.setToolTip("Frames that a garbage matte drawn from now on counts for")
        for reach, text in REACHES.items():
            self._reach.addItem(text, reach)
        self._step = QtWidgets.QSpinBox()
        self._step.setRange(-9999, 9999)
        self._step.setKeyboardTracking(False)
        self._step.setAccessibleName("Stamp copies from, frames away")
        self._step.setToolTip("0: from this frame. -5: from five frames before, moved as the background has moved.")
        self._help = dim_text("What the tool does")
        self._help.setMinimumHeight(self._help.fontMetrics().lineSpacing() * 3 + 2)
        self._lay_out()
        self._connect()
        self.show_tools(self._tools, is_possible=False)

    def _button(self, tool: Tool) -> QtWidgets.QToolButton:
        facts = TOOLS[tool]
        button = toggle(facts.name, f"{facts.help} ({facts.key})")
        button.setAccessibleName(f"Tool: {facts.name}")
        button.clicked.connect(lambda: self.tool_asked.emit(tool))
        return button

    def _lay_out(self) -> None:
        holder = QtWidgets.QWidget()
        row = FlowLayout(holder, spacing=4, margins=(0, 0, 0, 0))
        for button in self.buttons.values():
            row.addWidget(button)
        policy = holder.sizePolicy()
        policy.setHeightForWidth(True)
        holder.setSizePolicy(policy)
        form = QtWidgets.QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(4)
        form.setColumnMinimumWidth(0, 76)
        form.setColumnStretch(1, 1)
        self._rows = [
            _place(form, "Size", self._size_slider, self._size), _place(form, "Softness", self._soft_slider, self._soft),
            _place(form, "It counts", self._reach), _place(form, "Copy from", self._step),
        ]  # fmt: skip
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(holder)
        column.addLayout(form)
        column.addWidget(self._help)

    def _connect(self) -> None:
        self._size.valueChanged.connect(self._ask_size)
        self._size_slider.valueChanged.connect(lambda place: self._ask_size(_size_of(place)))
        self._soft.valueChanged.connect(self._ask_softness)
        self._soft_slider.valueChanged.connect(self._ask_softness)
        self._reach.activated.connect(
            lambda _: self.tools_asked.emit(replace(self._tools, reach=self._reach.currentData()))
        )
        self._step.valueChanged.connect(
            lambda step: self.tools_asked.emit(replace(self._tools, stamp=self._tools.stamp.stepped(step)))
        )

    def _ask_size(self, radius: float) -> None:
        self.tools_asked.emit(self._tools.with_radius(radius))

    def _ask_softness(self, percent: float) -> None:
        self.tools_asked.emit(replace(self._tools, softness=percent / 100))

    def show_tools(self, tools: MatteTools, *, is_possible: bool) -> None:
        """Show which is taken up and how it is set. is_possible: whether there is a plate to draw on."""
        self._tools = tools
        facts = tools.facts
        for tool, button in self.buttons.items():
            button.setChecked(tool == tools.tool)
            button.setEnabled(is_possible)
        is_outline = tools.tool in ("keep_out", "always_in")
        for row, is_shown in zip(
            self._rows, (facts.has_size, facts.has_softness, is_outline, tools.tool == "stamp"), strict=True
        ):
            for widget in row:
                widget.setVisible(is_shown)
        show_number(self._size, tools.radius)
        show_number(self._soft, round(tools.softness * 100))
        show_number(self._step, tools.stamp.frame_step)
        for slider, place in (
            (self._size_slider, _place_of(tools.radius)), (self._soft_slider, round(tools.softness * 100)),
        ):  # fmt: skip
            with Quiet(slider):
                slider.setValue(place)
        with Quiet(self._reach):
            self._reach.setCurrentIndex(self._reach.findData(tools.reach))
        self._help.setText(facts.help if is_possible else "Open a plate to draw on.")


def _size_of(place: int) -> float:
    """A radius from the slider's place: fine where it is small."""
    return held_size(round(0.5 * (1000.0 ** (place / _SLIDER_STEPS)) * 2) / 2)


def _place_of(radius: float) -> int:
    """Its inverse, to the nearest place."""
    return min(range(_SLIDER_STEPS + 1), key=lambda place: abs(0.5 * 1000.0 ** (place / _SLIDER_STEPS) - radius))


def _slider(name: str) -> QtWidgets.QSlider:
    slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
    slider.setAccessibleName(name)
    return slider


def _place(form: QtWidgets.QGridLayout, text: str, *widgets: QtWidgets.QWidget) -> tuple[QtWidgets.QWidget, ...]:
    """A row with a name; returns all of it."""
    line = form.rowCount()
    label = QtWidgets.QLabel(text)
    label.setBuddy(widgets[-1])
    form.addWidget(label, line, 0)
    for column, widget in enumerate(widgets, start=1):
        form.addWidget(widget, line, column, 1, 1 if len(widgets) > 1 else 2)
    return (label, *widgets)
