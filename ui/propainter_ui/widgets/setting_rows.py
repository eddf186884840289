"""Rows of the settings page: a name, a control, the way back to the default.

Here: one class a kind of knob; each shows a value and asks for another. Not here: which rows there are and where
(``settings.py``), what a change entails (``state/``).
"""

from __future__ import annotations

from propainter_knobs.knob import Knob
from propainter_knobs.table import BY_NAME
from propainter_ui.look import icon
from propainter_ui.qt import Qt, QtCore, QtWidgets, Signal
from propainter_ui.state.settings_offered import CROP_ROW
from propainter_ui.widgets.parts import Quiet, forget_typed, show_number

_FIELD_WIDTH = 92


class SettingRow(QtCore.QObject):
    """What all rows have: a reset, and what they ask for."""

    asked = Signal(object)
    reset_asked = Signal()
    typed = Signal()
    row: Knob
    _label: QtWidgets.QLabel | QtWidgets.QCheckBox
    """What shows its name."""
    _controls: tuple[QtWidgets.QWidget, ...] = ()
    """What else there is to point at."""
    _reset: QtWidgets.QToolButton

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._label.setText(self.row.label + (" *" if text else ""))
        for widget in (self._label, *self._controls):
            widget.setToolTip(_help(self.row, text))

    def refresh_icon(self, like: QtWidgets.QWidget) -> None:
        """Draw the arrow in the colours of this widget."""
        self._reset.setIcon(icon("reset", like))


class SliderRow(SettingRow):
    """A number by slider and field. steps: of the slider, for one."""

    _box: QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox

    def __init__(self, row: Knob, parent: QtWidgets.QWidget, *, steps: int = 1) -> None:
        super().__init__(parent)
        self.row, self._steps = row, steps
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(round(row.slider[0] * steps), round(row.slider[1] * steps))
        self._slider.setAccessibleName(f"{row.label} slider")

    def _join(self) -> None:
        """Slider, field and reset ask for the same; a hand on one of them ends what was being typed."""
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._slider.valueChanged.connect(lambda _: forget_typed(self._box))
        self._slider.valueChanged.connect(
            lambda value: self.asked.emit(value if self._steps == 1 else value / self._steps)
        )
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: forget_typed(self._box))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._label, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def _show_number(self, value: float) -> None:
        with Quiet(self._slider):
            self._slider.setValue(round(value * self._steps))
        show_number(self._box, value)


class _NamedSliderRow(SliderRow):
    """With a name before it."""

    def _name(self, accessible: str) -> None:
        self._label = QtWidgets.QLabel(self.row.label)
        self._label.setBuddy(self._box)
        self._box.setAccessibleName(accessible)
        self._reset = _reset_button(self.row.label, self.row.text(self.row.default))
        self._controls = (self._slider, self._box)
        self.note("")
        self._join()

    def show_value(self, value: float) -> None:
        self._show_number(value)
        _show_reset(self._reset, value != self.row.default)


class WholeRow(_NamedSliderRow):
    """One whole-number setting."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(row, parent)
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(int(row.low), int(row.high))
        self._box.setSuffix(f" {row.unit}")
        self._name(f"{row.label}, {row.unit}")


class ShareRow(_NamedSliderRow):
    """A setting that is a share; its slider counts hundredths."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(row, parent, steps=100)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(row.low, int(row.high * 100) / 100)  # what two decimals can show
        self._box.setSingleStep(0.01)
        self._name(row.label)


class SwitchRow(SettingRow):
    """A setting that is on or off."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._label = self._switch = QtWidgets.QCheckBox(row.label)
        self._switch.setAccessibleName(row.label)
        self._reset = _reset_button(row.label, row.text(row.default))
        self.note("")
        self._switch.clicked.connect(lambda is_on: self.asked.emit(_switched(row, is_on)))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        across = QtWidgets.QHBoxLayout()
        across.addWidget(self._switch, 1)
        across.addWidget(self._reset)
        form.addLayout(across, line, 0, 1, -1)

    def show_value(self, value: bool | float) -> None:
        self._switch.setChecked(bool(value))
        _show_reset(self._reset, bool(value) != bool(self.row.default))


class ChoiceRow(SettingRow):
    """A setting that is one of a few words."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._label = QtWidgets.QLabel(row.label)
        self._combo = combo(row.label, row.choices)
        self._label.setBuddy(self._combo)
        self._controls = (self._combo,)
        self._reset = _reset_button(row.label, row.text(row.default))
        self.note("")
        self._combo.activated.connect(lambda _: self.asked.emit(self._combo.currentData()))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        form.addWidget(self._label, line, 0)
        form.addWidget(self._combo, line, 1, 1, 2)
        form.addWidget(self._reset, line, 3)

    def show_value(self, value: str) -> None:
        choose(self._combo, value)
        _show_reset(self._reset, value != self.row.default)

    def forbid(self, word: str, why: str) -> None:
        """Offer a word, or where there is a reason why not, show it without."""
        item = self._combo.model().item(self._combo.findData(word))  # type: ignore[attr-defined]
        item.setEnabled(not why)
        item.setToolTip(why)


class CropRow(SliderRow):
    """A switch, and how much around the matte is seen while it is on."""

    switched = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(CROP_ROW, parent)
        crop = BY_NAME["crop_to_matte"]
        defaults = f"{crop.text(crop.default)}, {CROP_ROW.text(CROP_ROW.default)}"
        self._label = self._switch = QtWidgets.QCheckBox(crop.label)
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(int(CROP_ROW.low), int(CROP_ROW.high))
        self._box.setSuffix(f" {CROP_ROW.unit}")
        self._box.setSpecialValueText(CROP_ROW.zero)
        self._reset = _reset_button(crop.label, defaults)
        self._switch.setAccessibleName(crop.label)
        self._box.setAccessibleName(f"{CROP_ROW.label}, {CROP_ROW.unit}")
        for widget in (self._switch, self._slider, self._box):
            widget.setToolTip(f"{crop.help} {CROP_ROW.help}\nDefault: {defaults}.")
        self._switch.clicked.connect(self.switched.emit)
        self._join()

    def show_values(self, is_on: bool, padding: int, *, is_draft: bool) -> None:
        """Drafts crop whatever the switch says, so the padding counts for them, too."""
        self._switch.setChecked(is_on)
        self._show_number(padding)
        for widget in (self._slider, self._box):
            widget.setEnabled(is_on or is_draft)
        _show_reset(self._reset, is_on or padding != CROP_ROW.default)


def _help(row: Knob, note: str) -> str:
    return f"{row.help}\nDefault: {row.text(row.default)}." + (f"\n* {note}." if note else "")


def _switched(row: Knob, is_on: bool) -> bool | float:
    """The setting's value for on or off."""
    if row.on is None:
        return is_on
    return row.on if is_on else 0.0


def _reset_button(label: str, default: str) -> QtWidgets.QToolButton:
    button = QtWidgets.QToolButton()
    button.setObjectName("quiet")
    button.setAccessibleName(f"Reset {label}")
    button.setToolTip(f"Back to the default: {default}")
    button.setIconSize(QtCore.QSize(14, 14))
    policy = button.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    button.setSizePolicy(policy)
    button.setVisible(False)
    return button


def _show_reset(button: QtWidgets.QToolButton, is_needed: bool) -> None:
    if is_needed == button.isHidden():
        button.setVisible(is_needed)


def _slim(box: QtWidgets.QAbstractSpinBox) -> None:
    """A number field beside a slider, as wide as all others."""
    box.setFixedWidth(_FIELD_WIDTH)


def row_for(knob: Knob, parent: QtWidgets.QWidget) -> WholeRow | ShareRow | SwitchRow | ChoiceRow:
    """The row that suits a knob."""
    if knob.kind == "choice":
        return ChoiceRow(knob, parent)
    if knob.kind == "bool" or knob.on is not None:
        return SwitchRow(knob, parent)
    return (ShareRow if knob.kind == "float" else WholeRow)(knob, parent)


def combo(name: str, choices: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> QtWidgets.QComboBox:
    """A list to choose from, of words and their labels."""
    box = QtWidgets.QComboBox()
    box.setAccessibleName(name)
    for value, text in choices:
        box.addItem(text, value)
    return box


def choose(box: QtWidgets.QComboBox, value: str) -> None:
    """Show a word as the one chosen."""
    index = box.findData(value)
    if index != box.currentIndex():
        box.setCurrentIndex(index)
