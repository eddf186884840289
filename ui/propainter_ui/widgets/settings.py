"""The settings: each with its unit, its default and a way back to it; below them what a render would cost.

Here: controls that show settings and ask for changes. Not here: what a change entails (``state/``). Nothing is
asked of the backend until *Apply* or *Render*.
"""

from __future__ import annotations

from propainter_ui.look import icon
from propainter_ui.qt import Qt, QtCore, QtWidgets, Signal
from propainter_ui.state.forecast import estimate_of, window_sentence
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.settings_offered import (
    CROP_ROW,
    QUALITIES,
    SETTING_ROWS,
    SIZE_CHOICES,
    SWITCH_ROWS,
    SettingRow,
    SwitchRow,
)
from propainter_ui.state.shown import render_label
from propainter_ui.state.sizes import plate_size, working_size_wanted
from propainter_wire.messages import ShotSettings

_ENGINES = (("auto", "Auto"), ("propainter", "ProPainter"), ("classical", "Classical"))
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
        self._engine = _combo("Engine", _ENGINES)
        self._size = _combo("Working size", [(name, name) for name, _ in (*SIZE_CHOICES, ("Custom", None))])
        self._width, self._height = _size_box("Working width"), _size_box("Working height")
        self._threshold, self._crop = _ThresholdRow(self), _CropRow(self)
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
        for name, row in self._rows.items():
            row.show_value(getattr(state.settings, name))
        for name, switch in self._switches.items():
            switch.show_value(getattr(state.settings, name))
        self._threshold.show_value(state.settings.threshold)
        self._crop.show_values(
            state.settings.crop_to_matte, state.settings.crop_padding, is_draft=state.quality == "draft"
        )
        _choose(self._quality, state.quality)
        _choose(self._engine, state.settings.engine)
        has_weights = state.daemon.engine == "propainter" or state.daemon.phase != "ready"
        item = self._engine.model().item(1)  # type: ignore[attr-defined]
        item.setEnabled(has_weights)
        item.setToolTip("" if has_weights else "No weights are installed: run propainter-weights fetch")
        for name in ("neighbor_length", "ref_stride"):
            self._rows[name].note("" if state.is_drawing_networks else "not used by the classical engine")
        for learned in (self._rows["flow_iterations"], self._switches["flow_stop"]):
            learned.note("" if state.is_drawing_networks else "not used by the classical engine")

    def _show_size(self, state: PanelState) -> None:
        choice = _size_choice(state)
        _choose(self._size, choice)
        width, height = working_size_wanted(state)
        for box, value in ((self._width, width), (self._height, height)):
            box.setEnabled(choice == "Custom")
            with _Quiet(box):
                box.setValue(value)

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
        for row in (*self._rows.values(), *self._switches.values(), self._threshold, self._crop):
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
        rows: dict[str, _NumberRow] = {**self._rows, **self._switches, "threshold": self._threshold}
        for name, row in rows.items():
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
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QtWidgets.QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self._cost_card())

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
        own: list[_Row | _SwitchRow] = [*self._rows.values(), *self._switches.values()]
        rows: list[_Row | _SwitchRow | _ThresholdRow | _CropRow] = [row for row in own if row.row.group == group]
        if group == "Matte":
            rows += [self._threshold, self._crop]
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

    def __init__(self, row: SettingRow, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._label = QtWidgets.QLabel(row.label)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(row.lowest, row.slider_to)
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(row.lowest, row.highest)
        self._box.setSuffix(f" {row.unit}")
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button(row.label, row.text(row.default))
        self._label.setBuddy(self._box)
        self._slider.setAccessibleName(f"{row.label} slider")
        self._box.setAccessibleName(f"{row.label}, {row.unit}")
        self._tell_help("")
        self._slider.valueChanged.connect(self.asked.emit)
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._label, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_value(self, value: int) -> None:
        with _Quiet(self._slider), _Quiet(self._box):
            self._slider.setValue(value)
            self._box.setValue(value)
        _show_reset(self._reset, value != self.row.default)

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._label.setText(self.row.label + (" *" if text else ""))
        self._tell_help(text)

    def _tell_help(self, note: str) -> None:
        text = f"{self.row.help}\nDefault: {self.row.text(self.row.default)}." + (f"\n* {note}." if note else "")
        for widget in (self._label, self._slider, self._box):
            widget.setToolTip(text)


class _ThresholdRow(_NumberRow):
    """The one setting that is a share."""

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self._label = QtWidgets.QLabel("Threshold")
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 50)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(0.0, 0.99)
        self._box.setSingleStep(0.01)
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button("Threshold", "0.00")
        self._label.setBuddy(self._box)
        self._slider.setAccessibleName("Threshold slider")
        self._box.setAccessibleName("Threshold, matte value")
        for widget in (self._label, self._slider, self._box):
            widget.setToolTip("Matte values above this are removed.\nDefault: 0.00, everything above black.")
        self._slider.valueChanged.connect(lambda value: self.asked.emit(value / 100))
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._label, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_value(self, value: float) -> None:
        with _Quiet(self._slider), _Quiet(self._box):
            self._slider.setValue(round(value * 100))
            self._box.setValue(value)
        _show_reset(self._reset, value != ShotSettings().threshold)


class _SwitchRow(_NumberRow):
    """A setting that is on or off."""

    def __init__(self, row: SwitchRow, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.row = row
        self._switch = QtWidgets.QCheckBox(row.label)
        self._switch.setAccessibleName(row.label)
        self._reset = _reset_button(row.label, _on_or_off(row.default))
        self.note("")
        self._switch.clicked.connect(lambda is_on: self.asked.emit(row.value(is_on)))
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        across = QtWidgets.QHBoxLayout()
        across.addWidget(self._switch, 1)
        across.addWidget(self._reset)
        form.addLayout(across, line, 0, 1, -1)

    def show_value(self, value: bool | float) -> None:
        self._switch.setChecked(bool(value))
        _show_reset(self._reset, bool(value) != self.row.default)

    def note(self, text: str) -> None:
        """Say that the engine at hand ignores this."""
        self._switch.setText(self.row.label + (" *" if text else ""))
        note = f"\n* {text}." if text else ""
        self._switch.setToolTip(f"{self.row.help}\nDefault: {_on_or_off(self.row.default)}.{note}")


class _CropRow(_NumberRow):
    """A switch, and how much around the matte is seen while it is on."""

    switched = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self._switch = QtWidgets.QCheckBox(CROP_ROW.label)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(CROP_ROW.lowest, CROP_ROW.slider_to)
        self._box = QtWidgets.QSpinBox()
        self._box.setRange(CROP_ROW.lowest, CROP_ROW.highest)
        self._box.setSuffix(f" {CROP_ROW.unit}")
        self._box.setSpecialValueText(CROP_ROW.zero)
        _slim(self._box)
        self._box.setKeyboardTracking(False)
        self._reset = _reset_button(CROP_ROW.label, f"off, {CROP_ROW.text(CROP_ROW.default)}")
        self._switch.setAccessibleName(CROP_ROW.label)
        self._slider.setAccessibleName("Crop padding slider")
        self._box.setAccessibleName(f"Crop padding, {CROP_ROW.unit}")
        for widget in (self._switch, self._slider, self._box):
            widget.setToolTip(f"{CROP_ROW.help}\nDefault: off, {CROP_ROW.text(CROP_ROW.default)}.")
        self._switch.clicked.connect(self.switched.emit)
        self._slider.valueChanged.connect(self.asked.emit)
        self._box.valueChanged.connect(self.asked.emit)
        self._box.lineEdit().returnPressed.connect(self.typed.emit)
        self._reset.clicked.connect(lambda: self.reset_asked.emit())

    def place(self, form: QtWidgets.QGridLayout, line: int) -> None:
        for column, widget in enumerate((self._switch, self._slider, self._box, self._reset)):
            form.addWidget(widget, line, column)

    def show_values(self, is_on: bool, padding: int, *, is_draft: bool) -> None:
        """Drafts crop whatever the switch says, so the padding counts for them, too."""
        with _Quiet(self._slider), _Quiet(self._box):
            self._switch.setChecked(is_on)
            self._slider.setValue(padding)
            self._box.setValue(padding)
        for widget in (self._slider, self._box):
            widget.setEnabled(is_on or is_draft)
        _show_reset(self._reset, is_on or padding != CROP_ROW.default)


def _on_or_off(is_on: bool) -> str:
    return "on" if is_on else "off"


class _Quiet:
    """Within it, a control tells nobody of its changes: they are ours, not the artist's."""

    def __init__(self, widget: QtWidgets.QWidget) -> None:
        self._widget = widget

    def __enter__(self) -> None:
        self._was_blocked = self._widget.blockSignals(True)

    def __exit__(self, *_: object) -> None:
        self._widget.blockSignals(self._was_blocked)


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
