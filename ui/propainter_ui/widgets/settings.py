"""The settings: each with its unit, its default and a way back to it; below them what a render would cost.

Here: controls that show settings and ask for changes. Not here: what a change entails (``state/``). Nothing is
asked of the backend until *Apply* or *Render*.
"""

from __future__ import annotations

from propainter_knobs.knob import Knob
from propainter_knobs.table import BY_NAME
from propainter_ui.look import icon
from propainter_ui.qt import Qt, QtCore, QtWidgets, Signal
from propainter_ui.state.forecast import estimate_of, window_sentence
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.settings_offered import (
    CROP_ROW,
    QUALITIES,
    SETTING_ROWS,
    SHARE_ROWS,
    SIZE_CHOICES,
    SWITCH_ROWS,
)
from propainter_ui.state.shown import render_label
from propainter_ui.state.sizes import plate_size, working_size_wanted
from propainter_ui.widgets.parts import Quiet, forget_typed, show_number

_GROUPS = ("Windows", "Flow", "Matte", "Fill")
_NAME_WIDTH = 130
_ESTIMATE_MS = 30
_FIELD_WIDTH = 92


class Settings(QtWidgets.QWidget):
    """Shows the edited settings and asks for others."""

    setting_asked = Signal(str, object)
    default_asked = Signal(str)
    quality_asked = Signal(str)
    apply_asked = Signal()
    revert_asked = Signal()
    render_asked = Signal()
    cancel_asked = Signal()
    typed = Signal()
    """A number was typed and confirmed: keys are the viewer's again."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = PanelState()
        self._rows = {row.name: _Row(row, self) for row in SETTING_ROWS}
        self._switches = {row.name: _SwitchRow(row, self) for row in SWITCH_ROWS}
        self._quality = _combo("Quality", [(value, text) for value, text in QUALITIES])
        self._engine = _combo("Engine", BY_NAME["engine"].choices)
        self._size = _combo("Working size", [(name, name) for name, _ in (*SIZE_CHOICES, ("Custom", None))])
        self._width, self._height = _size_box("Working width"), _size_box("Working height")
        self._shares = {row.name: _ShareRow(row, self) for row in SHARE_ROWS}
        self._crop = _CropRow(self)
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_ESTIMATE_MS)
        self._later.timeout.connect(self._show_estimate)
        self._lay_out()
        self._connect()

    # --- showing --------------------------------------------------------------------------------------------------

    def show_state(self, state: PanelState) -> None:
        """Show this state; controls are touched only where they differ."""
        old, self._state = self._state, state
        if state.settings is not old.settings or state.quality != old.quality or state.daemon is not old.daemon:
            self._show_settings(state)
        if state.settings is not old.settings or _sizes(state) != _sizes(old):
            self._show_size(state)
        self._show_cost(state, old)
        self._show_buttons(state)

    def _show_settings(self, state: PanelState) -> None:
        for name, row in self._own_rows().items():
            row.show_value(getattr(state.settings, name))
        self._crop.show_values(
            state.settings.crop_to_matte, state.settings.crop_padding, is_draft=state.quality == "draft"
        )
        _choose(self._quality, state.quality)
        _choose(self._engine, state.settings.engine)
        has_weights = state.daemon.engine == "propainter" or state.daemon.phase != "ready"
        item = self._engine.model().item(1)  # type: ignore[attr-defined]
        item.setEnabled(has_weights)
        item.setToolTip("" if has_weights else "No weights are installed: run propainter-weights fetch")
        for row in self._own_rows().values():
            if "classical" not in row.row.engines:
                row.note("" if state.is_drawing_networks else "not used by the classical engine")

    def _own_rows(self) -> dict[str, _Row | _SwitchRow | _ShareRow]:
        """Controls of one setting each, by its name."""
        return {**self._rows, **self._switches, **self._shares}

    def _show_size(self, state: PanelState) -> None:
        choice = _size_choice(state)
        _choose(self._size, choice)
        width, height = working_size_wanted(state)
        for box, value in ((self._width, width), (self._height, height)):
            box.setEnabled(choice == "Custom")
            show_number(box, value)

    def _show_cost(self, state: PanelState, old: PanelState) -> None:
        """The window in words at once; what it costs a moment later, so that a moving slider need not wait for it."""
        self._window.setText(window_sentence(state))
        watched = ("settings", "quality", "bands", "shot", "first", "last", "rates", "engine", "daemon", "applied")
        if any(getattr(state, name) is not getattr(old, name) for name in watched):
            self._later.start()

    def _show_estimate(self) -> None:
        estimate = estimate_of(self._state)
        for label, text in (
            (self._work, estimate.work if estimate else "–"),
            (self._time, estimate.time if estimate else "–"),
            (self._memory, estimate.memory if estimate else "–"),
        ):
            label.setText(text)

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        for row in (*self._own_rows().values(), self._crop):
            row.refresh_icon(self)

    def _show_buttons(self, state: PanelState) -> None:
        is_rendering = state.job is not None and state.job.kind != "reading"
        self._render.setText("Cancel" if is_rendering else render_label(state))
        self._render.setAccessibleName(self._render.text())
        self._render.setEnabled(is_rendering or state.can_render)
        self._render.setToolTip("" if state.can_render or is_rendering else "Open a plate and its matte first")
        self._apply.setEnabled(state.can_apply)
        self._revert.setEnabled(state.is_edited)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for name, row in self._own_rows().items():
            row.asked.connect(lambda value, name=name: self.setting_asked.emit(name, value))
            row.reset_asked.connect(lambda name=name: self.default_asked.emit(name))
            row.typed.connect(self.typed.emit)
        self._crop.asked.connect(lambda value: self.setting_asked.emit("crop_padding", value))
        self._crop.switched.connect(lambda is_on: self.setting_asked.emit("crop_to_matte", is_on))
        for name in ("crop_to_matte", "crop_padding"):
            self._crop.reset_asked.connect(lambda name=name: self.default_asked.emit(name))
        self._crop.typed.connect(self.typed.emit)
        self._quality.activated.connect(lambda _: self.quality_asked.emit(self._quality.currentData()))
        self._engine.activated.connect(lambda _: self.setting_asked.emit("engine", self._engine.currentData()))
        self._size.activated.connect(lambda _: self._ask_size())
        for box in (self._width, self._height):
            box.valueChanged.connect(lambda _: self._ask_custom_size())
        self._apply.clicked.connect(lambda: self.apply_asked.emit())
        self._revert.clicked.connect(lambda: self.revert_asked.emit())
        self._render.clicked.connect(self._ask_render)

    def _ask_render(self) -> None:
        job = self._state.job
        (self.cancel_asked if job is not None and job.kind != "reading" else self.render_asked).emit()

    def _ask_size(self) -> None:
        name, plate = self._size.currentData(), plate_size(self._state)
        share = dict(SIZE_CHOICES).get(name)
        if name == "Auto" or plate is None:
            self.setting_asked.emit("working_size", None)
        elif share is not None:
            size = (max(8, round(plate[0] * share)), max(8, round(plate[1] * share)))
            self.setting_asked.emit("working_size", size)
        else:
            width, height = working_size_wanted(self._state)
            self.setting_asked.emit("working_size", (max(8, width - width % 8), max(8, height - height % 8)))

    def _ask_custom_size(self) -> None:
        if self._size.currentData() == "Custom":
            self.setting_asked.emit("working_size", (self._width.value(), self._height.value()))

    # --- layout ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        inner = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(inner)
        column.setContentsMargins(14, 4, 14, 10)
        column.setSpacing(2)
        column.addWidget(self._render_group())
        for group in _GROUPS:
            column.addWidget(self._group(group))
        column.addStretch(1)
        self._column = column
        scroll = QtWidgets.QScrollArea()
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QtWidgets.QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        self.cost_card = self._cost_card()
        """What a render costs, and its button; the panel keeps it on the screen."""

    def add_below(self, widget: QtWidgets.QWidget) -> None:
        """Put a widget below the settings, to be scrolled with them."""
        self._column.addWidget(widget)

    def _render_group(self) -> QtWidgets.QGroupBox:
        box = QtWidgets.QGroupBox("Render")
        form = QtWidgets.QGridLayout(box)
        form.setContentsMargins(0, 4, 0, 0)
        form.setColumnStretch(1, 1)
        form.setColumnMinimumWidth(0, _NAME_WIDTH)
        size = QtWidgets.QHBoxLayout()
        size.addWidget(self._size, 1)
        for widget in (self._width, QtWidgets.QLabel("×"), self._height):
            size.addWidget(widget)
        for line, (text, control) in enumerate((("Quality", self._quality), ("Engine", self._engine))):
            form.addWidget(_name(text, control), line, 0)
            form.addWidget(control, line, 1)
        form.addWidget(_name("Working size", self._size), 2, 0)
        form.addLayout(size, 2, 1)
        return box

    def _group(self, group: str) -> QtWidgets.QGroupBox:
        box = QtWidgets.QGroupBox(group)
        form = QtWidgets.QGridLayout(box)
        form.setContentsMargins(0, 4, 0, 0)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(4)
        form.setColumnMinimumWidth(0, _NAME_WIDTH)
        form.setColumnStretch(1, 1)
        rows: list[_Row | _SwitchRow | _ShareRow | _CropRow]
        rows = [row for row in self._own_rows().values() if row.row.group == group]
        if group == CROP_ROW.group:
            rows.append(self._crop)
        for line, row in enumerate(rows):
            row.place(form, line)
        if group == "Windows":
            self._window = QtWidgets.QLabel()
            self._window.setObjectName("dim")
            self._window.setWordWrap(True)
            self._window.setAccessibleName("What the window sees")
            self._window.setMinimumHeight(self._window.fontMetrics().lineSpacing() * 2 + 4)
            self._window.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            form.addWidget(self._window, len(rows), 0, 1, 4)
        return box

    def _cost_card(self) -> QtWidgets.QFrame:
        card = QtWidgets.QFrame()
        card.setObjectName("bar")
        grid = QtWidgets.QGridLayout(card)
        grid.setContentsMargins(14, 10, 14, 12)
        for column, share in ((1, 3), (3, 2)):
            grid.setColumnStretch(column, share)
        self._work, self._time, self._memory = (QtWidgets.QLabel("–") for _ in range(3))
        texts = ("To redo", self._work, 0, 0, 3), ("Time", self._time, 1, 0, 1), ("Memory", self._memory, 1, 2, 1)
        for text, label, line, column, span in texts:
            caption = QtWidgets.QLabel(text)
            caption.setObjectName("dim")
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setMinimumHeight(label.fontMetrics().height() + 2)
            label.setAccessibleName(f"Estimate: {text}")
            grid.addWidget(caption, line, column, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, line, column + 1, 1, span)
        grid.setColumnMinimumWidth(0, 60)
        self._apply, self._revert = QtWidgets.QPushButton("Apply"), QtWidgets.QPushButton("Revert")
        self._apply.setToolTip("Take these settings: see what stays valid, render nothing")
        self._revert.setToolTip("Back to the settings applied last")
        self._apply.setAccessibleName("Apply settings")
        self._revert.setAccessibleName("Revert settings")
        self._render = QtWidgets.QPushButton("Render")
        self._render.setObjectName("primary")
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._revert, 1)
        buttons.addWidget(self._apply, 1)
        grid.addLayout(buttons, 2, 0, 1, 4)
        grid.addWidget(self._render, 3, 0, 1, 4)
        return card


class _NumberRow(QtCore.QObject):
    """Slider, number, default, reset."""

    asked = Signal(object)
    reset_asked = Signal()
    typed = Signal()
    _reset: QtWidgets.QToolButton

    def refresh_icon(self, like: QtWidgets.QWidget) -> None:
        """Draw the arrow in the colours of this widget."""
        self._reset.setIcon(icon("reset", like))


class _Row(_NumberRow):
    """One whole-number setting."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._label = QtWidgets.QLabel(row.label)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(int(row.slider[0]), int(row.slider[1]))
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(int(row.low), int(row.high))
        self._box.setSuffix(f" {row.unit}")
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button(row.label, row.text(row.default))
        self._label.setBuddy(self._box)
        self._slider.setAccessibleName(f"{row.label} slider")
        self._box.setAccessibleName(f"{row.label}, {row.unit}")
        self._tell_help("")
        self._slider.valueChanged.connect(lambda _: forget_typed(self._box))
        self._slider.valueChanged.connect(self.asked.emit)
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: forget_typed(self._box))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._label, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_value(self, value: int) -> None:
        with Quiet(self._slider):
            self._slider.setValue(value)
        show_number(self._box, value)
        _show_reset(self._reset, value != self.row.default)

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._label.setText(self.row.label + (" *" if text else ""))
        self._tell_help(text)

    def _tell_help(self, note: str) -> None:
        text = _help(self.row, note)
        for widget in (self._label, self._slider, self._box):
            widget.setToolTip(text)


class _ShareRow(_NumberRow):
    """A setting that is a share; its slider counts hundredths."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._label = QtWidgets.QLabel(row.label)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(round(row.slider[0] * 100), round(row.slider[1] * 100))
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(row.low, int(row.high * 100) / 100)  # what two decimals can show
        self._box.setSingleStep(0.01)
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button(row.label, row.text(row.default))
        self._label.setBuddy(self._box)
        self._slider.setAccessibleName(f"{row.label} slider")
        self._box.setAccessibleName(row.label)
        self.note("")
        self._slider.valueChanged.connect(lambda _: forget_typed(self._box))
        self._slider.valueChanged.connect(lambda value: self.asked.emit(value / 100))
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: forget_typed(self._box))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._label, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_value(self, value: float) -> None:
        with Quiet(self._slider):
            self._slider.setValue(round(value * 100))
        show_number(self._box, value)
        _show_reset(self._reset, value != self.row.default)

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._label.setText(self.row.label + (" *" if text else ""))
        for widget in (self._label, self._slider, self._box):
            widget.setToolTip(_help(self.row, text))


class _SwitchRow(_NumberRow):
    """A setting that is on or off."""

    def __init__(self, row: Knob, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._switch = QtWidgets.QCheckBox(row.label)
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

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._switch.setText(self.row.label + (" *" if text else ""))
        self._switch.setToolTip(_help(self.row, text))


class _CropRow(_NumberRow):
    """A switch, and how much around the matte is seen while it is on."""

    switched = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        crop = BY_NAME["crop_to_matte"]
        defaults = f"{crop.text(crop.default)}, {CROP_ROW.text(CROP_ROW.default)}"
        self._switch = QtWidgets.QCheckBox(crop.label)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(int(CROP_ROW.slider[0]), int(CROP_ROW.slider[1]))
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(int(CROP_ROW.low), int(CROP_ROW.high))
        self._box.setSuffix(f" {CROP_ROW.unit}")
        self._box.setSpecialValueText(CROP_ROW.zero)
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button(crop.label, defaults)
        self._switch.setAccessibleName(crop.label)
        self._slider.setAccessibleName(f"{CROP_ROW.label} slider")
        self._box.setAccessibleName(f"{CROP_ROW.label}, {CROP_ROW.unit}")
        for widget in (self._switch, self._slider, self._box):
            widget.setToolTip(f"{crop.tooltip} {CROP_ROW.tooltip}\nDefault: {defaults}.")
        self._switch.clicked.connect(self.switched.emit)
        self._slider.valueChanged.connect(lambda _: forget_typed(self._box))
        self._slider.valueChanged.connect(self.asked.emit)
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: forget_typed(self._box))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._switch, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_values(self, is_on: bool, padding: int, *, is_draft: bool) -> None:
        """Drafts crop whatever the switch says, so the padding counts for them, too."""
        self._switch.setChecked(is_on)
        with Quiet(self._slider):
            self._slider.setValue(padding)
        show_number(self._box, padding)
        for widget in (self._slider, self._box):
            widget.setEnabled(is_on or is_draft)
        _show_reset(self._reset, is_on or padding != CROP_ROW.default)


def _help(row: Knob, note: str) -> str:
    return f"{row.tooltip}\nDefault: {row.text(row.default)}." + (f"\n* {note}." if note else "")


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


def _combo(name: str, choices: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> QtWidgets.QComboBox:
    combo = QtWidgets.QComboBox()
    combo.setAccessibleName(name)
    for value, text in choices:
        combo.addItem(text, value)
    return combo


def _choose(combo: QtWidgets.QComboBox, value: str) -> None:
    index = combo.findData(value)
    if index != combo.currentIndex():
        combo.setCurrentIndex(index)


def _size_box(name: str) -> QtWidgets.QSpinBox:
    box = QtWidgets.QSpinBox()
    box.setRange(8, 16384)
    box.setSingleStep(8)
    box.setKeyboardTracking(False)
    box.setFixedWidth(58)
    box.setAccessibleName(f"{name}, px")
    return box


def _size_choice(state: PanelState) -> str:
    """How the working size is called: by its share of the plate, else custom."""
    asked, plate = state.settings.working_size, plate_size(state)
    if asked is None:
        return "Auto"
    for name, share in SIZE_CHOICES:
        if plate and share and asked == (max(8, round(plate[0] * share)), max(8, round(plate[1] * share))):
            return name
    return "Custom"


def _sizes(state: PanelState) -> tuple[object, ...]:
    return plate_size(state), state.working_size, state.quality, state.applied.working_size


def _name(text: str, control: QtWidgets.QWidget) -> QtWidgets.QLabel:
    label = QtWidgets.QLabel(text)
    label.setBuddy(control)
    return label
